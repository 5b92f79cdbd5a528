libp2v_rooms_la_SOURCES += \
	%reldir%/tracker.c %reldir%/tracker.h
