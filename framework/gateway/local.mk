libp2v_rooms_la_SOURCES += \
	%reldir%/fragment_reply.c \
	%reldir%/gateway.c %reldir%/gateway.h \
	%reldir%/inside.h \
	%reldir%/manifest_reply.c \
	%reldir%/pass_reply.c \
	%reldir%/reply.c \
	%reldir%/route.c \
	%reldir%/status.c %reldir%/status.h
