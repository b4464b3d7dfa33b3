/*
 * Memory that runs out in a worker.
 *
 * The compiler aborts when an allocation fails, which looks like any other crash. The linker sends
 * every call of the allocator in this executable through here (--wrap), the compiler's own among
 * them, so that a worker at its limit of address space ends with a code that says so.
 */
#include "engine/protocol.h"
#include "worker/worker.h"

#include <errno.h>
#include <unistd.h>

/* The names are the linker's. NOLINTBEGIN(*-reserved-identifier, cert-dcl*) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
int __real_posix_memalign(void **out_block, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
int __wrap_posix_memalign(void **out_block, size_t alignment, size_t size);

static bool must_succeed;

void allocation_must_succeed(void)
{
    must_succeed = true;
}

static void *checked(void *block, size_t size)
{
    if (block == NULL && size > 0 && must_succeed) {
        _exit(WORKER_EXIT_MEMORY);
    }
    return block;
}

void *__wrap_malloc(size_t size)
{
    return checked(__real_malloc(size), size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return checked(__real_calloc(count, size), count > 0 ? size : 0);
}

void *__wrap_realloc(void *block, size_t size)
{
    return checked(__real_realloc(block, size), size);
}

int __wrap_posix_memalign(void **out_block, size_t alignment, size_t size)
{
    const int failed = __real_posix_memalign(out_block, alignment, size);
    if (failed == ENOMEM) {
        (void)checked(NULL, 1);
    }
    return failed;
}
/* NOLINTEND(*-reserved-identifier, cert-dcl*) */
