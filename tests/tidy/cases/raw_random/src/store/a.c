/* So is randomness, by either door. */
#include <sys/random.h>

long f(void *out)
{
    return getrandom(out, 1, 0);
}
