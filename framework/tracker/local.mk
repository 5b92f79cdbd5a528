libp2v_core_la_SOURCES += \
	%reldir%/tracker.c %reldir%/tracker.h
