/* Names to be demangled: the result fits, is no longer than the buffer, and it ends soon. */
#include "debug/demangle.h"

#include "base/error.h"
#include "value/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char buffer[WASM_NAME_SHOWN_MAX];
    const struct slice name = slice_of(data, size);
    const struct slice text = demangle(name, buffer);
    CORDON_ASSERT(text.size <= sizeof buffer);
    CORDON_ASSERT(text.size == 0 || text.data == (const uint8_t *)buffer);
    CORDON_ASSERT(text.size > 0 || size == 0 || !utf8_valid(name));
    CORDON_ASSERT(!utf8_valid(name) || utf8_valid(text));
    return 0;
}
