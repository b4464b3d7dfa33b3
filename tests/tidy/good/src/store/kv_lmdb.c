/*
 * A file in which all is as it should be — up to the hundredth column and through a dash: ────────
 */
#include "base/memory.h"

#include <cordon/error.h>
#include <lmdb.h>
#include <string.h>

static int quotes(char c)
{
    return c == '"' || c == '\'' || c == '/'; /* none of these opens anything */
}

struct kv {
    void (*release)(void *);
};
