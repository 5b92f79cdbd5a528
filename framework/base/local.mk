libp2v_rooms_la_SOURCES += \
	%reldir%/addr.c %reldir%/addr.h \
	%reldir%/crypto.h \
	%reldir%/hash.h \
	%reldir%/http.c %reldir%/http.h \
	%reldir%/json.c %reldir%/json.h \
	%reldir%/list.h \
	%reldir%/metrics.c %reldir%/metrics.def %reldir%/metrics.h \
	%reldir%/node.c %reldir%/node.h \
	%reldir%/options.c %reldir%/options.h \
	%reldir%/policy.c %reldir%/policy.h \
	%reldir%/random.c %reldir%/random.h \
	%reldir%/slice.c %reldir%/slice.h \
	%reldir%/text.c %reldir%/text.h \
	%reldir%/timers.c %reldir%/timers.h \
	%reldir%/url.c %reldir%/url.h \
	%reldir%/wire.h \
	%reldir%/world.h
