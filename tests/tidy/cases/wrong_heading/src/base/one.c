/* One. */
#include "base/parts.h"

int parts_one(void)
{
    return parts_two(1);
}
