/*
 * A program's own functions, with names that Cordon and what is in its archive use inside: linked
 * into examples/embed/embed.c, which must work as ever, and none is called but by this file.
 */
#include <stdio.h>
#include <stdlib.h>

static int calls;

#define OWN(name)                                                                                  \
    int name(void);                                                                                \
    int name(void)                                                                                 \
    {                                                                                              \
        return ++calls;                                                                            \
    }

OWN(log_new)
OWN(mem_new)
OWN(json_parse)
OWN(redact)
OWN(yyjson_read)
OWN(yyjson_read_opts)
OWN(llhttp_init)
OWN(wasm_engine_new)
OWN(wasmtime_store_new)
OWN(rust_eh_personality)

static int (*const own[])(void) = {
    log_new,
    mem_new,
    json_parse,
    redact,
    yyjson_read,
    yyjson_read_opts,
    llhttp_init,
    wasm_engine_new,
    wasmtime_store_new,
    rust_eh_personality,
};

#define COUNT ((int)(sizeof own / sizeof own[0]))

__attribute__((destructor)) static void tell(void)
{
    if (calls != 0) {
        abort(); /* somebody else called them */
    }
    for (int i = 0; i < COUNT; i++) {
        if (own[i]() != i + 1) {
            abort();
        }
    }
    (void)puts("the program's own functions are its own");
}
