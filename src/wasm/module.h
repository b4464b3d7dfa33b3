/*
 * What the reader found in a module: plain facts, no behaviour.
 *
 * Everything here lives in the arena given to wasm_read(); every slice points into the module's
 * own bytes. Both must outlive it. Nothing changes after wasm_read(), so any number of threads may
 * read. Offsets are bytes from the start of the module, as tools such as wasm-objdump print them.
 */
#ifndef WASM_MODULE_H
#define WASM_MODULE_H

#include "base/slice.h"

/* Value types by their binary code. References to host objects (externref) are not admitted. */
enum wasm_type {
    WASM_I32 = 0x7f,
    WASM_I64 = 0x7e,
    WASM_F32 = 0x7d,
    WASM_F64 = 0x7c,
    WASM_V128 = 0x7b,
    WASM_FUNCREF = 0x70,
};

enum wasm_section_id {
    WASM_SECTION_CUSTOM,
    WASM_SECTION_TYPE,
    WASM_SECTION_IMPORT,
    WASM_SECTION_FUNCTION,
    WASM_SECTION_TABLE,
    WASM_SECTION_MEMORY,
    WASM_SECTION_GLOBAL,
    WASM_SECTION_EXPORT,
    WASM_SECTION_START,
    WASM_SECTION_ELEMENT,
    WASM_SECTION_CODE,
    WASM_SECTION_DATA,
    WASM_SECTION_DATA_COUNT,
    WASM_SECTION_TAG,
    WASM_SECTION_COUNT,
    WASM_SECTION_NONE = WASM_SECTION_COUNT, /* the header, or between sections */
};

/* Kinds of imports and exports by their binary code. */
enum wasm_kind {
    WASM_FUNCTION,
    WASM_TABLE,
    WASM_MEMORY,
    WASM_GLOBAL,
};

#define WASM_KIND_COUNT 4
#define WASM_NO_FUNCTION UINT32_MAX
#define WASM_PAGE_BYTES 65536

/*
 * Bytes of a function's name that are kept and shown; the reader takes debug names of any length.
 */
#define WASM_NAME_SHOWN_MAX 512

struct wasm_section {
    enum wasm_section_id id;
    uint32_t offset;      /* of the section's id byte */
    struct slice name;    /* custom sections only */
    struct slice content; /* behind the size; behind the name in a custom section */
};

/* Each byte of both slices is an enum wasm_type. */
struct wasm_func_type {
    struct slice params;
    struct slice results;
};

/* How many pages or elements there are at first and at most. */
struct wasm_range {
    uint32_t min;
    uint32_t max; /* UINT32_MAX without `has_max` */
    bool has_max;
};

struct wasm_table {
    struct wasm_range elements; /* always of funcref */
    bool imported;
    uint32_t offset;
};

struct wasm_memory {
    struct wasm_range pages;
    bool imported;
    uint32_t offset;
};

/* The value of a constant expression, as far as it is known without an instance. */
struct wasm_constant {
    enum wasm_type type;
    bool known;    /* false if it depends on an imported global, and for v128 and funcref */
    bool computed; /* of more than one operator */
    uint64_t bits; /* an i32 or f32 in the low half */
};

struct wasm_global {
    enum wasm_type type;
    bool is_mutable;
    bool imported;
    uint32_t offset;
    struct wasm_constant initial; /* not of imported ones */
};

struct wasm_function {
    uint32_t type;        /* index of its type */
    uint32_t locals;      /* beside its parameters */
    uint32_t body_offset; /* of the local declarations; 0 if imported */
    uint32_t body_bytes;
    bool imported;
    bool exported;
    bool referenced;   /* its address is taken: it may be called indirectly */
    struct slice name; /* of the name section, else its first export, else empty */
};

struct wasm_import {
    struct slice module;
    struct slice name;
    enum wasm_kind kind;
    uint32_t offset;
    union {
        uint32_t type; /* of a function: index of its type */
        struct wasm_table table;
        struct wasm_memory memory;
        struct wasm_global global;
    };
};

struct wasm_export {
    struct slice name;
    enum wasm_kind kind;
    uint32_t index; /* among all functions, tables, memories or globals, imported ones first */
    uint32_t offset;
};

enum wasm_segment_mode {
    WASM_ACTIVE,   /* copied when the module is instantiated */
    WASM_PASSIVE,  /* copied when code says so */
    WASM_DECLARED, /* element segments only: never copied */
};

struct wasm_element_segment {
    enum wasm_segment_mode mode;
    uint32_t table;              /* active ones only */
    struct wasm_constant target; /* active ones only: the first table element */
    uint32_t count;
    bool expressions; /* items are constant expressions, not function indices */
    struct slice items;
    uint32_t offset;
};

struct wasm_data_segment {
    enum wasm_segment_mode mode;
    struct wasm_constant target; /* active ones only: the first address */
    struct slice bytes;
    uint32_t offset;
};

struct wasm_module {
    struct slice bytes;

    struct wasm_section *sections; /* in the order of the file */
    struct wasm_func_type *types;
    struct wasm_import *imports;
    struct wasm_function *functions; /* these four: imported ones first */
    struct wasm_table *tables;
    struct wasm_memory *memories;
    struct wasm_global *globals;
    struct wasm_export *exports;
    uint32_t *exports_by_name; /* indices into `exports` in the byte order of names */
    struct wasm_element_segment *elements;
    struct wasm_data_segment *data;

    uint32_t section_count;
    uint32_t type_count;
    uint32_t import_count;
    uint32_t function_count;
    uint32_t table_count;
    uint32_t memory_count;
    uint32_t global_count;
    uint32_t export_count;
    uint32_t element_count;
    uint32_t data_count;

    uint32_t start; /* function, or WASM_NO_FUNCTION */
    bool has_data_count;
    uint32_t declared_data_count;

    uint64_t loading_fuel; /* the price of what is computed for it whenever a run begins */

    struct slice name;        /* of the name section, else empty */
    struct slice names_fault; /* why the name section was dropped from some point on, else empty */
};

/* The type of a function. */
static inline const struct wasm_func_type *wasm_function_type(
    const struct wasm_module *module, uint32_t function)
{
    return &module->types[module->functions[function].type];
}

/* The section with that id, or NULL. For custom sections see wasm_find_custom(). */
const struct wasm_section *wasm_find_section(
    const struct wasm_module *module, enum wasm_section_id id);

/* The first custom section of that name behind `after` (NULL: from the start), or NULL. */
const struct wasm_section *wasm_find_custom(
    const struct wasm_module *module, struct slice name, const struct wasm_section *after);

/* The export of that name, or NULL. */
const struct wasm_export *wasm_find_export(const struct wasm_module *module, struct slice name);

/* The section in whose content that byte of the module is, or NULL. */
const struct wasm_section *wasm_section_at(const struct wasm_module *module, uint64_t offset);

/* The function in whose body that byte of the module is, or WASM_NO_FUNCTION. */
uint32_t wasm_function_at(const struct wasm_module *module, uint64_t offset);

/* How many imports are of that kind. */
uint32_t wasm_count_imports(const struct wasm_module *module, enum wasm_kind kind);

/* Where a slice of the module begins, in bytes from the start of the module. */
static inline uint32_t wasm_offset_of(const struct wasm_module *module, struct slice part)
{
    return part.data == NULL ? 0 : (uint32_t)(part.data - module->bytes.data);
}

/* "type", "import", ... Static. */
const char *wasm_section_name(enum wasm_section_id id);

/* "function", "table", "memory", "global". Static. */
const char *wasm_kind_name(enum wasm_kind kind);

/* "i32", "funcref", ... Static. */
const char *wasm_type_name(enum wasm_type type);

#endif
