# The laws of each kind and of the world, checked on every maker.
check_PROGRAMS += tests/contract/world_real
TESTS += tests/contract/world_real
tests_contract_world_real_SOURCES = \
	%reldir%/world_laws.c %reldir%/world_laws.h \
	%reldir%/world_laws_http.c %reldir%/world_laws_inside.h \
	%reldir%/world_laws_web.c %reldir%/world_laws_web.h \
	%reldir%/world_real_test.c
tests_contract_world_real_LDADD = libp2v_world.la libp2v_core.la
