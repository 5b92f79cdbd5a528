libp2v_core_la_SOURCES += \
	%reldir%/doc.h \
	%reldir%/timeline.h
