/* The bottom reaches up. */
#include "store/kv.h"
