# An event from beginning to end: who comes, with which line, when they leave, and what goes wrong.
libp2v_sim_la_SOURCES += \
	%reldir%/swarm.c %reldir%/swarm.h
