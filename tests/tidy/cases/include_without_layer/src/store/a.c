/* A header named without its layer. */
#include "kv.h"
