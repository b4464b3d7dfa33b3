/* Looking things up in a module that was read, and the words for its parts. */
#include "wasm/module.h"

const struct wasm_section *wasm_find_section(
    const struct wasm_module *module, enum wasm_section_id id)
{
    for (uint32_t i = 0; i < module->section_count; i++) {
        if (module->sections[i].id == id) {
            return &module->sections[i];
        }
    }
    return NULL;
}

const struct wasm_section *wasm_find_custom(
    const struct wasm_module *module, struct slice name, const struct wasm_section *after)
{
    const uint32_t first = after == NULL ? 0 : (uint32_t)(after - module->sections) + 1;
    for (uint32_t i = first; i < module->section_count; i++) {
        const struct wasm_section *section = &module->sections[i];
        if (section->id == WASM_SECTION_CUSTOM && slice_equal(section->name, name)) {
            return section;
        }
    }
    return NULL;
}

const struct wasm_export *wasm_find_export(const struct wasm_module *module, struct slice name)
{
    uint32_t low = 0;
    uint32_t high = module->export_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct wasm_export *export = &module->exports[module->exports_by_name[middle]];
        const int order = slice_compare(name, export->name);
        if (order == 0) {
            return export;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

/* Whether a part of the module has that byte. */
static bool contains(uint64_t start, uint64_t size, uint64_t offset)
{
    return offset >= start && offset - start < size;
}

const struct wasm_section *wasm_section_at(const struct wasm_module *module, uint64_t offset)
{
    for (uint32_t i = 0; i < module->section_count; i++) {
        const struct wasm_section *section = &module->sections[i];
        if (contains(wasm_offset_of(module, section->content), section->content.size, offset)) {
            return section;
        }
    }
    return NULL;
}

uint32_t wasm_function_at(const struct wasm_module *module, uint64_t offset)
{
    for (uint32_t i = 0; i < module->function_count; i++) {
        const struct wasm_function *function = &module->functions[i];
        if (!function->imported && contains(function->body_offset, function->body_bytes, offset)) {
            return i;
        }
    }
    return WASM_NO_FUNCTION;
}

uint32_t wasm_count_imports(const struct wasm_module *module, enum wasm_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < module->import_count; i++) {
        count += module->imports[i].kind == kind;
    }
    return count;
}

static const char *const section_names[WASM_SECTION_COUNT] = {
    [WASM_SECTION_CUSTOM] = "custom",
    [WASM_SECTION_TYPE] = "type",
    [WASM_SECTION_IMPORT] = "import",
    [WASM_SECTION_FUNCTION] = "function",
    [WASM_SECTION_TABLE] = "table",
    [WASM_SECTION_MEMORY] = "memory",
    [WASM_SECTION_GLOBAL] = "global",
    [WASM_SECTION_EXPORT] = "export",
    [WASM_SECTION_START] = "start",
    [WASM_SECTION_ELEMENT] = "element",
    [WASM_SECTION_CODE] = "code",
    [WASM_SECTION_DATA] = "data",
    [WASM_SECTION_DATA_COUNT] = "data count",
    [WASM_SECTION_TAG] = "tag",
};

const char *wasm_section_name(enum wasm_section_id id)
{
    return section_names[id];
}

static const char *const kind_names[WASM_KIND_COUNT] = {
    [WASM_FUNCTION] = "function",
    [WASM_TABLE] = "table",
    [WASM_MEMORY] = "memory",
    [WASM_GLOBAL] = "global",
};

const char *wasm_kind_name(enum wasm_kind kind)
{
    return kind_names[kind];
}

const char *wasm_type_name(enum wasm_type type)
{
    switch (type) {
    case WASM_I32:
        return "i32";
    case WASM_I64:
        return "i64";
    case WASM_F32:
        return "f32";
    case WASM_F64:
        return "f64";
    case WASM_V128:
        return "v128";
    case WASM_FUNCREF:
        return "funcref";
    }
    return "unknown";
}
