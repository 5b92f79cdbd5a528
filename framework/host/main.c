/* main.c - the program peer2view. Nothing but main() is here: all else is in the library, which
 * other programs link too. */
#include <ltdl.h>

#include "framework/host/commands.h"

int main(int argc, char **argv)
{
	/* Plugins that are linked in (--disable-shared); libtool makes their table for each
	 * program. */
	LTDL_SET_PRELOADED_SYMBOLS();
	return p2v_program_main(p2v_peer2view(), argc, argv);
}
