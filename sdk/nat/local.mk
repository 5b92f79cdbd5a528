# A NAT box as arithmetic: the simulator's and the lab's.
noinst_LTLIBRARIES += libp2v_nat.la
libp2v_nat_la_SOURCES = \
	%reldir%/nat.c %reldir%/nat.h \
	%reldir%/type.c
