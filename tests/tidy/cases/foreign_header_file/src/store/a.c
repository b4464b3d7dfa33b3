/* The right layer, the wrong file. */
#include <lmdb.h>
