libp2v_rooms_la_SOURCES += \
	%reldir%/dialer.c %reldir%/dialer.h
