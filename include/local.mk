peer2viewincludedir = $(includedir)/peer2view
peer2viewinclude_HEADERS = \
	%reldir%/peer2view/base.h \
	%reldir%/peer2view/cache.h \
	%reldir%/peer2view/cc.h \
	%reldir%/peer2view/env.h \
	%reldir%/peer2view/manifest.h \
	%reldir%/peer2view/option.h \
	%reldir%/peer2view/player.h \
	%reldir%/peer2view/plugin.h \
	%reldir%/peer2view/registry.h \
	%reldir%/peer2view/select.h
