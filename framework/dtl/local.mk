libp2v_core_la_SOURCES += \
	%reldir%/dtl.h \
	%reldir%/record.h
