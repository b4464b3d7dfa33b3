/* The promise must stand without the inside. */
#include "store/kv.h"
