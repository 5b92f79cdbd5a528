# plugins of kind player
plugin_LTLIBRARIES += modules/p2v_player_avplayer.la \
	modules/p2v_player_browser.la \
	modules/p2v_player_dashjs.la \
	modules/p2v_player_ffmpeg.la \
	modules/p2v_player_generic.la \
	modules/p2v_player_gstreamer.la \
	modules/p2v_player_hlsjs.la \
	modules/p2v_player_shaka.la \
	modules/p2v_player_vlc.la

modules_p2v_player_avplayer_la_SOURCES = %reldir%/avplayer.c %reldir%/model.h
modules_p2v_player_avplayer_la_LDFLAGS = -module $(P2V_MODULE)

modules_p2v_player_browser_la_SOURCES = %reldir%/browser.c %reldir%/model.h
modules_p2v_player_browser_la_LDFLAGS = -module $(P2V_MODULE)

modules_p2v_player_dashjs_la_SOURCES = %reldir%/dashjs.c %reldir%/model.h
modules_p2v_player_dashjs_la_LDFLAGS = -module $(P2V_MODULE)

modules_p2v_player_ffmpeg_la_SOURCES = %reldir%/ffmpeg.c %reldir%/model.h
modules_p2v_player_ffmpeg_la_LDFLAGS = -module $(P2V_MODULE)

modules_p2v_player_generic_la_SOURCES = %reldir%/generic.c %reldir%/model.h
modules_p2v_player_generic_la_LDFLAGS = -module $(P2V_MODULE)

modules_p2v_player_gstreamer_la_SOURCES = %reldir%/gstreamer.c %reldir%/model.h
modules_p2v_player_gstreamer_la_LDFLAGS = -module $(P2V_MODULE)

modules_p2v_player_hlsjs_la_SOURCES = %reldir%/hlsjs.c %reldir%/model.h
modules_p2v_player_hlsjs_la_LDFLAGS = -module $(P2V_MODULE)

modules_p2v_player_shaka_la_SOURCES = %reldir%/shaka.c %reldir%/model.h
modules_p2v_player_shaka_la_LDFLAGS = -module $(P2V_MODULE)

modules_p2v_player_vlc_la_SOURCES = %reldir%/vlc.c %reldir%/model.h
modules_p2v_player_vlc_la_LDFLAGS = -module $(P2V_MODULE)

# For tests of all of them.
PLAYER_PLUGINS = plugins/player/avplayer.c \
	plugins/player/browser.c \
	plugins/player/dashjs.c \
	plugins/player/ffmpeg.c \
	plugins/player/generic.c \
	plugins/player/gstreamer.c \
	plugins/player/hlsjs.c \
	plugins/player/shaka.c \
	plugins/player/vlc.c
