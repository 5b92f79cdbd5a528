libp2v_core_la_SOURCES += \
	%reldir%/channel.c %reldir%/channel.h \
	%reldir%/doc.h \
	%reldir%/timeline.h
