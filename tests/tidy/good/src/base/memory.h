/* Allocates; the words strcpy() and goto may stand in a comment. */
#include <stdlib.h>
#include <xxhash.h>

static inline void *mem_new(void)
{
    return malloc(sizeof "http://a.b/ goto strcpy(");
}
