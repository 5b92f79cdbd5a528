# An event from beginning to end: who comes, with which line, when they leave, and what goes wrong.
libp2v_sim_la_SOURCES += \
	%reldir%/audience.c %reldir%/audience.h \
	%reldir%/draw.c %reldir%/draw.h \
	%reldir%/faults.c %reldir%/faults.h \
	%reldir%/inside.h \
	%reldir%/meetings.c \
	%reldir%/population.c %reldir%/population.h \
	%reldir%/result.c \
	%reldir%/swarm.c %reldir%/swarm.h \
	%reldir%/viewer.c
