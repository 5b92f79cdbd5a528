libp2v_core_la_SOURCES += \
	%reldir%/dialer.c %reldir%/dialer.h
