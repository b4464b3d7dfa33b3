/* Another layer's foreign header. */
#include <xxhash.h>
