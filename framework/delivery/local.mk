libp2v_rooms_la_SOURCES += \
	%reldir%/ask.c \
	%reldir%/cdn.c \
	%reldir%/child.c \
	%reldir%/chunks.h \
	%reldir%/delivery.c %reldir%/delivery.h \
	%reldir%/follow.c \
	%reldir%/foretold.c \
	%reldir%/fragment.c \
	%reldir%/governor.c \
	%reldir%/holding.c \
	%reldir%/inside.h \
	%reldir%/mates.c \
	%reldir%/plan.c \
	%reldir%/proof.c \
	%reldir%/reading.c \
	%reldir%/receive.c \
	%reldir%/rendition.c \
	%reldir%/reveal.c \
	%reldir%/serve.c \
	%reldir%/source.c \
	%reldir%/tell.c \
	%reldir%/transfer.h \
	%reldir%/viewer.c \
	%reldir%/waiting.c
