libp2v_rooms_la_SOURCES += \
	%reldir%/identity.c %reldir%/identity.h \
	%reldir%/identity_certs.c %reldir%/identity_certs.h \
	%reldir%/identity_inside.h %reldir%/identity_judge.c \
	%reldir%/inside.h \
	%reldir%/messages.c %reldir%/messages.def %reldir%/messages.h \
	%reldir%/overlay.c %reldir%/overlay.h \
	%reldir%/partner.c \
	%reldir%/peers.c \
	%reldir%/talk.c %reldir%/talk.h \
	%reldir%/tracker_link.c
