/* The promise. */
#include <stddef.h>
