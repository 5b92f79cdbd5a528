# The transport. session*.c alone know OpenSSL.
libp2v_rooms_la_SOURCES += \
	%reldir%/conf.c \
	%reldir%/dtl.h \
	%reldir%/record.h
libp2v_dtl_la_SOURCES = \
	%reldir%/ack.c %reldir%/ack.h \
	%reldir%/cids.c %reldir%/cids.h \
	%reldir%/connection.c \
	%reldir%/endpoint.c \
	%reldir%/flow.c \
	%reldir%/incoming.c \
	%reldir%/inside.h \
	%reldir%/outbox.c %reldir%/outbox.h \
	%reldir%/outgoing.c \
	%reldir%/packet.c %reldir%/packet.h \
	%reldir%/path.c %reldir%/path.h \
	%reldir%/pmtu.c %reldir%/pmtu.h \
	%reldir%/ranges.c %reldir%/ranges.h \
	%reldir%/recovery.c %reldir%/recovery.h \
	%reldir%/recvq.c %reldir%/recvq.h \
	%reldir%/pair.c %reldir%/pair.h \
	%reldir%/schedule.c %reldir%/schedule.h \
	%reldir%/sendq.c %reldir%/sendq.h \
	%reldir%/session.c %reldir%/session.h \
	%reldir%/session_inside.h %reldir%/session_record.c \
	%reldir%/session_seal.c %reldir%/session_seal.h \
	%reldir%/shaking.c \
	%reldir%/stream.c \
	%reldir%/window.c %reldir%/window.h
