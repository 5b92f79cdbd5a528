libp2v_rooms_la_SOURCES += \
	%reldir%/channel.c %reldir%/channel.h \
	%reldir%/directives.c %reldir%/directives.h \
	%reldir%/doc.c %reldir%/doc.h \
	%reldir%/doc_json.c \
	%reldir%/doc_memory.c %reldir%/doc_memory.h \
	%reldir%/doc_rewrite.c \
	%reldir%/doc_shelf.c %reldir%/doc_shelf.h \
	%reldir%/doc_url.c %reldir%/doc_url.h \
	%reldir%/timeline.c %reldir%/timeline.h
