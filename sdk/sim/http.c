/* http.c */
#include "sdk/sim/inside.h"
