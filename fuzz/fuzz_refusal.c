/*
 * The compiler's complaints quote names of the module, so they are hostile text. Whatever it is,
 * what we pass on is one short line of plain characters that names no part of ours.
 */
#include "engine/codegen.h"

#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct refusal refusal = refusal_read(slice_of(data, size));
    const char *words = refusal.reason;
    const size_t length = strnlen(words, sizeof refusal.reason);
    CORDON_ASSERT(length < sizeof refusal.reason);
    for (size_t i = 0; i < length; i++) {
        CORDON_ASSERT(words[i] >= 0x20 && words[i] < 0x7f);
        CORDON_ASSERT(strncasecmp(words + i, "wasmtime", 8) != 0);
        CORDON_ASSERT(strncasecmp(words + i, "cranelift", 9) != 0);
    }
    return 0;
}
