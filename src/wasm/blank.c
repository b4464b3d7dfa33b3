/* Custom sections made empty in place; see blank.h. */
#include "wasm/blank.h"

#include "base/memory.h"

/* Where the section's content begins: behind its id and its size, a LEB128 that was read before. */
static uint32_t find_content(const struct wasm_module *module, const struct wasm_section *section)
{
    uint32_t at = section->offset + 1;
    while ((module->bytes.data[at] & 0x80) != 0) {
        at++;
    }
    return at + 1;
}

cordon_error *wasm_blank(const struct wasm_module *module, struct slice *out_bytes)
{
    uint8_t *bytes = mem_new(module->bytes.size);
    if (bytes == NULL) {
        return error_no_memory();
    }
    memcpy(bytes, module->bytes.data, module->bytes.size);
    for (uint32_t i = 0; i < module->section_count; i++) {
        const struct wasm_section *section = &module->sections[i];
        if (section->id == WASM_SECTION_CUSTOM) {
            const uint32_t from = find_content(module, section);
            const uint32_t to =
                wasm_offset_of(module, section->content) + (uint32_t)section->content.size;
            memset(bytes + from, 0, to - from); /* the first zero is the size of the name */
        }
    }
    *out_bytes = slice_of(bytes, module->bytes.size);
    return NULL;
}
