/* conf.c - the options of section [transport]. */
#include <peer2view/option.h>
#include "framework/dtl/dtl.h"

typedef struct p2v_dtl_conf C;

const struct p2v_option p2v_dtl_options[] = { P2V_OPT_USEC(C, handshake_timeout, "10s", P2V_SECOND,
						      60 * P2V_SECOND, "us",
						      "How long a handshake may take"),
	P2V_OPT_USEC(C, idle_timeout, "60s", 2 * P2V_SECOND, 600 * P2V_SECOND, "us",
		"A remote that is silent for so long is given up"),
	P2V_OPT_USEC(C, keep_alive, "15s", P2V_SECOND, 300 * P2V_SECOND, "us",
		"After so long without a sign of life the remote is asked for one"),
	P2V_OPT_USEC(C, ack_delay, "25ms", P2V_MSEC, 100 * P2V_MSEC, "us",
		"How long an acknowledgement may be held back"),
	P2V_OPT_U64(C, session_window, "1Mi", 262144, 1073741824, "B",
		"What a remote may have under way to this node at first, all streams together"),
	P2V_OPT_U64(C, stream_window, "256Ki", 65536, 268435456, "B",
		"What a remote may have under way to this node on one stream at first"),
	P2V_OPT_U64(C, session_window_max, "32Mi", 262144, 1073741824, "B",
		"What session_window grows to where a remote uses it up within two round trips"),
	P2V_OPT_U64(
		C, stream_window_max, "16Mi", 65536, 268435456, "B", "What stream_window grows to"),
	P2V_OPT_U64(C, receive_memory, "256Mi", 0, 1099511627776, "B",
		"What the windows of all sessions together may grow by: a bound on memory; growth that is not used is given back"),
	P2V_OPT_U32(C, max_streams, "256", 16, 65536, "1",
		"Streams that a remote may have open at once"),
	P2V_OPT_U32(C, max_sessions, "0", 0, 1000000, "1",
		"Sessions that this node has at once; strangers who shake hands have half of the places at most; 0: 1024, and 65536 of a tracker"),
	P2V_OPT_U32(C, datagram_max, "1472", 1200, 1472, "B",
		"Payload of the largest datagram that is tried on a path"),
	P2V_OPT_END };
