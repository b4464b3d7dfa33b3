/*
 * Makes small WebAssembly modules for tests, without a file or a tool:
 *
 *     struct build b;
 *     build_init(&b);
 *     build_memory(&b, "memory", 1, 1);
 *     const uint32_t log = build_import(&b, "convex/core", "log", "ii", "I");
 *     build_function(&b, "say", "", "",
 *         CODE(OP_I32_CONST, 0, OP_I32_CONST, 5, OP_CALL, (uint8_t)log, OP_DROP));
 *     build_data(&b, 0, SLICE("hello"));
 *     build_metadata(&b, "{\"abi\":1,\"functions\":[...]}");
 *     const struct slice wasm = build_finish(&b);
 *     ...
 *     build_done(&b);
 *
 * Parts may be added in any order, save that imports come before functions, as they are numbered
 * first. Types are made as they are needed: "ii" and "I" are two i32 parameters and one i64 result
 * (i I f F for the four numbers, V for v128, r for funcref). Whoever wants a broken module writes
 * the bytes of a section with build_raw(), or all of it in hex with build_hex().
 *
 * A test that runs out of memory stops.
 */
#ifndef UNIT_WASM_BUILD_H
#define UNIT_WASM_BUILD_H

#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Operators that tests use often. */
enum {
    OP_UNREACHABLE = 0x00,
    OP_NOP = 0x01,
    OP_BLOCK = 0x02,
    OP_LOOP = 0x03,
    OP_IF = 0x04,
    OP_ELSE = 0x05,
    OP_END = 0x0b,
    OP_BR = 0x0c,
    OP_BR_IF = 0x0d,
    OP_RETURN = 0x0f,
    OP_CALL = 0x10,
    OP_CALL_INDIRECT = 0x11,
    OP_DROP = 0x1a,
    OP_LOCAL_GET = 0x20,
    OP_LOCAL_SET = 0x21,
    OP_LOCAL_TEE = 0x22,
    OP_GLOBAL_GET = 0x23,
    OP_GLOBAL_SET = 0x24,
    OP_I32_LOAD = 0x28,
    OP_I64_LOAD = 0x29,
    OP_I32_STORE = 0x36,
    OP_I64_STORE = 0x37,
    OP_I32_STORE8 = 0x3a,
    OP_MEMORY_SIZE = 0x3f,
    OP_MEMORY_GROW = 0x40,
    OP_I32_CONST = 0x41,
    OP_I64_CONST = 0x42,
    OP_I32_EQZ = 0x45,
    OP_I32_EQ = 0x46,
    OP_I32_LT_S = 0x48,
    OP_I32_LT_U = 0x49,
    OP_I32_ADD = 0x6a,
    OP_I32_SUB = 0x6b,
    OP_I32_MUL = 0x6c,
    OP_I32_DIV_S = 0x6d,
    OP_I64_ADD = 0x7c,
    OP_PREFIX = 0xfc, /* then 10 0 0 is memory.copy, 11 0 memory.fill */
    OP_BLOCK_EMPTY = 0x40,
};

enum build_kind { BUILD_FUNCTION, BUILD_TABLE, BUILD_MEMORY, BUILD_GLOBAL };

enum { BUILD_SECTIONS = 13, BUILD_NO_MAX = -1, BUILD_BYTES_MAX = 64 << 20 };

struct build {
    struct buffer
        entries[BUILD_SECTIONS]; /* of each section, by its id; 0: whole custom sections */
    uint32_t counts[BUILD_SECTIONS];
    uint32_t imported[4]; /* by build_kind */
    struct buffer names;  /* entries of the function names */
    uint32_t name_count;
    struct buffer module;
};

/* The bytes of a function body: CODE(OP_I32_CONST, 1, OP_DROP). Its `end` is added. */
#define CODE(...) slice_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define NO_CODE ((struct slice){NULL, 0})

/* -- Bytes ---------------------------------------------------------------------------------- */

static inline void build_check(cordon_error *error)
{
    if (error != NULL) {
        (void)fprintf(stderr, "building a module: %s\n", cordon_error_get_message(error));
        abort();
    }
}

static inline void emit(struct buffer *out, struct slice bytes)
{
    build_check(buffer_append(out, bytes));
}

static inline void emit_byte(struct buffer *out, unsigned byte)
{
    build_check(buffer_append_byte(out, (uint8_t)byte));
}

static inline void emit_u32(struct buffer *out, uint32_t value)
{
    for (; value > 0x7f; value >>= 7) {
        emit_byte(out, 0x80 | (value & 0x7f));
    }
    emit_byte(out, value);
}

/* Signed LEB128: what follows OP_I32_CONST and OP_I64_CONST. */
static inline void emit_signed(struct buffer *out, int64_t value)
{
    while (value < -64 || value > 63) {
        const int64_t low = value & 0x7f;
        emit_byte(out, 0x80 | (unsigned)low);
        value = (value - low) / 128;
    }
    emit_byte(out, (uint64_t)value & 0x7f);
}

static inline void emit_i32(struct buffer *out, int32_t value)
{
    emit_byte(out, OP_I32_CONST);
    emit_signed(out, value);
}

static inline void emit_i64(struct buffer *out, int64_t value)
{
    emit_byte(out, OP_I64_CONST);
    emit_signed(out, value);
}

static inline void emit_call(struct buffer *out, uint32_t function)
{
    emit_byte(out, OP_CALL);
    emit_u32(out, function);
}

static inline void emit_sized(struct buffer *out, struct slice bytes)
{
    emit_u32(out, (uint32_t)bytes.size);
    emit(out, bytes);
}

static inline void emit_name(struct buffer *out, const char *name)
{
    emit_sized(out, slice_str(name));
}

/* Bytes in hex, blanks between them as you like. */
static inline void emit_hex(struct buffer *out, const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    unsigned byte = 0;
    unsigned read = 0;
    for (; *hex != '\0'; hex++) {
        const char *digit = strchr(digits, *hex);
        if (digit == NULL) {
            continue;
        }
        byte = byte << 4 | (unsigned)(digit - digits);
        if (++read % 2 == 0) {
            emit_byte(out, byte & 0xff);
        }
    }
    if (read % 2 != 0) {
        (void)fprintf(stderr, "building a module: half a byte of hex\n");
        abort();
    }
}

static inline void emit_header(struct buffer *out)
{
    emit(out, slice_of("\0asm\1\0\0\0", 8));
}

/* -- Life ----------------------------------------------------------------------------------- */

static inline void build_init(struct build *b)
{
    memset(b, 0, sizeof *b);
    for (int id = 0; id < BUILD_SECTIONS; id++) {
        buffer_init(&b->entries[id], BUILD_BYTES_MAX);
    }
    buffer_init(&b->names, BUILD_BYTES_MAX);
    buffer_init(&b->module, BUILD_BYTES_MAX);
}

static inline void build_done(struct build *b)
{
    for (int id = 0; id < BUILD_SECTIONS; id++) {
        buffer_done(&b->entries[id]);
    }
    buffer_done(&b->names);
    buffer_done(&b->module);
}

/* -- Parts ---------------------------------------------------------------------------------- */

static inline unsigned build_type_code(char letter)
{
    static const char letters[] = "VFfIi";
    if (letter == 'r') {
        return 0x70;
    }
    const char *found = letter == '\0' ? NULL : strchr(letters, letter);
    if (found == NULL) {
        (void)fprintf(stderr, "building a module: no type '%c'\n", letter);
        abort();
    }
    return 0x7b + (unsigned)(found - letters);
}

static inline void emit_types(struct buffer *out, const char *letters)
{
    emit_u32(out, (uint32_t)strlen(letters));
    for (; *letters != '\0'; letters++) {
        emit_byte(out, build_type_code(*letters));
    }
}

/* Adds a function type; one that is there already is added again, which modules may do. */
static inline uint32_t build_type(struct build *b, const char *params, const char *results)
{
    struct buffer *out = &b->entries[1];
    emit_byte(out, 0x60);
    emit_types(out, params);
    emit_types(out, results);
    return b->counts[1]++;
}

static inline struct buffer *build_begin_import(
    struct build *b, const char *module, const char *name, enum build_kind kind)
{
    struct buffer *out = &b->entries[2];
    emit_name(out, module);
    emit_name(out, name);
    emit_byte(out, kind);
    b->counts[2]++;
    b->imported[kind]++;
    return out;
}

/* Imports a function; gives its index. */
static inline uint32_t build_import(
    struct build *b, const char *module, const char *name, const char *params, const char *results)
{
    const uint32_t type = build_type(b, params, results);
    emit_u32(build_begin_import(b, module, name, BUILD_FUNCTION), type);
    return b->imported[BUILD_FUNCTION] - 1;
}

static inline void emit_range(struct buffer *out, uint32_t min, int64_t max)
{
    emit_byte(out, max == BUILD_NO_MAX ? 0 : 1);
    emit_u32(out, min);
    if (max != BUILD_NO_MAX) {
        emit_u32(out, (uint32_t)max);
    }
}

static inline void build_import_memory(
    struct build *b, const char *module, const char *name, uint32_t min_pages, int64_t max_pages)
{
    emit_range(build_begin_import(b, module, name, BUILD_MEMORY), min_pages, max_pages);
}

static inline void build_import_table(
    struct build *b, const char *module, const char *name, uint32_t min, int64_t max)
{
    struct buffer *out = build_begin_import(b, module, name, BUILD_TABLE);
    emit_byte(out, 0x70);
    emit_range(out, min, max);
}

static inline void build_import_global(
    struct build *b, const char *module, const char *name, char type, bool is_mutable)
{
    struct buffer *out = build_begin_import(b, module, name, BUILD_GLOBAL);
    emit_byte(out, build_type_code(type));
    emit_byte(out, is_mutable);
}

static inline void build_export(
    struct build *b, const char *name, enum build_kind kind, uint32_t index)
{
    struct buffer *out = &b->entries[7];
    emit_name(out, name);
    emit_byte(out, kind);
    emit_u32(out, index);
    b->counts[7]++;
}

/* Adds a function whose body is exactly these bytes, local groups and `end` included. */
static inline uint32_t build_function_raw(
    struct build *b,
    const char *export_name,
    const char *params,
    const char *results,
    struct slice body)
{
    emit_u32(&b->entries[3], build_type(b, params, results));
    emit_sized(&b->entries[10], body);
    b->counts[10]++;
    const uint32_t index = b->imported[BUILD_FUNCTION] + b->counts[3]++;
    if (export_name != NULL) {
        build_export(b, export_name, BUILD_FUNCTION, index);
    }
    return index;
}

/*
 * Adds a function with locals (one letter each); NULL as name does not export it. Gives its index.
 */
static inline uint32_t build_function_locals(
    struct build *b,
    const char *export_name,
    const char *params,
    const char *results,
    const char *locals,
    struct slice code)
{
    struct buffer body;
    buffer_init(&body, BUILD_BYTES_MAX);
    emit_u32(&body, (uint32_t)strlen(locals));
    for (; *locals != '\0'; locals++) {
        emit_u32(&body, 1);
        emit_byte(&body, build_type_code(*locals));
    }
    emit(&body, code);
    emit_byte(&body, OP_END);
    const uint32_t index = build_function_raw(b, export_name, params, results, buffer_slice(&body));
    buffer_done(&body);
    return index;
}

static inline uint32_t build_function(
    struct build *b,
    const char *export_name,
    const char *params,
    const char *results,
    struct slice code)
{
    return build_function_locals(b, export_name, params, results, "", code);
}

/* Adds a memory; NULL as name does not export it. */
static inline void build_memory(
    struct build *b, const char *export_name, uint32_t min_pages, int64_t max_pages)
{
    emit_range(&b->entries[5], min_pages, max_pages);
    const uint32_t index = b->imported[BUILD_MEMORY] + b->counts[5]++;
    if (export_name != NULL) {
        build_export(b, export_name, BUILD_MEMORY, index);
    }
}

/* Adds a table of functions. */
static inline void build_table(struct build *b, uint32_t min, int64_t max)
{
    emit_byte(&b->entries[4], 0x70);
    emit_range(&b->entries[4], min, max);
    b->counts[4]++;
}

/* Adds an i32 global; gives its index. */
static inline uint32_t build_global(struct build *b, bool is_mutable, int32_t value)
{
    struct buffer *out = &b->entries[6];
    emit_byte(out, 0x7f);
    emit_byte(out, is_mutable);
    emit_i32(out, value);
    emit_byte(out, OP_END);
    return b->imported[BUILD_GLOBAL] + b->counts[6]++;
}

static inline void build_start(struct build *b, uint32_t function)
{
    buffer_clear(&b->entries[8]);
    emit_u32(&b->entries[8], function);
    b->counts[8] = 1;
}

/* Puts functions into table 0 from `target` on. */
static inline void build_elements(
    struct build *b, int32_t target, const uint32_t *functions, uint32_t count)
{
    struct buffer *out = &b->entries[9];
    emit_byte(out, 0);
    emit_i32(out, target);
    emit_byte(out, OP_END);
    emit_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        emit_u32(out, functions[i]);
    }
    b->counts[9]++;
}

/* Puts bytes into memory 0 from `address` on. */
static inline void build_data(struct build *b, int32_t address, struct slice bytes)
{
    struct buffer *out = &b->entries[11];
    emit_byte(out, 0);
    emit_i32(out, address);
    emit_byte(out, OP_END);
    emit_sized(out, bytes);
    b->counts[11]++;
}

/* Adds the data count section, which memory.init and data.drop need. */
static inline void build_data_count(struct build *b, uint32_t count)
{
    buffer_clear(&b->entries[12]);
    emit_u32(&b->entries[12], count);
    b->counts[12] = 1;
}

/* Names a function in the name section; call in the order of indices. */
static inline void build_name(struct build *b, uint32_t function, const char *name)
{
    emit_u32(&b->names, function);
    emit_name(&b->names, name);
    b->name_count++;
}

static inline void build_custom(struct build *b, const char *name, struct slice content)
{
    struct buffer section;
    buffer_init(&section, BUILD_BYTES_MAX);
    emit_name(&section, name);
    emit(&section, content);
    emit_byte(&b->entries[0], 0);
    emit_sized(&b->entries[0], buffer_slice(&section));
    buffer_done(&section);
}

/* The custom section `convex.functions`. */
static inline void build_metadata(struct build *b, const char *json)
{
    build_custom(b, "convex.functions", slice_str(json));
}

/* Adds entries of a section as they are; `count` is added to its count. */
static inline void build_raw(struct build *b, int section, uint32_t count, struct slice entries)
{
    emit(&b->entries[section], entries);
    b->counts[section] += count;
}

/* -- Whole modules -------------------------------------------------------------------------- */

static inline void build_emit_section(struct build *b, int id)
{
    const bool bare = id == 8 || id == 12; /* start and data count hold one number, no vector */
    struct buffer content;
    buffer_init(&content, BUILD_BYTES_MAX);
    if (!bare) {
        emit_u32(&content, b->counts[id]);
    }
    emit(&content, buffer_slice(&b->entries[id]));
    emit_byte(&b->module, (unsigned)id);
    emit_sized(&b->module, buffer_slice(&content));
    buffer_done(&content);
}

static inline void build_emit_names(struct build *b)
{
    struct buffer functions;
    struct buffer content;
    buffer_init(&functions, BUILD_BYTES_MAX);
    buffer_init(&content, BUILD_BYTES_MAX);
    emit_u32(&functions, b->name_count);
    emit(&functions, buffer_slice(&b->names));
    emit_name(&content, "name");
    emit_byte(&content, 1); /* the names of functions */
    emit_sized(&content, buffer_slice(&functions));
    emit_byte(&b->module, 0);
    emit_sized(&b->module, buffer_slice(&content));
    buffer_done(&functions);
    buffer_done(&content);
}

/*
 * The module: sections in their order, the name section, then custom sections as they were added.
 * May be called again after more was added. Borrowed until then.
 */
static inline struct slice build_finish(struct build *b)
{
    static const int order[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11};
    buffer_clear(&b->module);
    emit_header(&b->module);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (b->counts[order[i]] > 0) {
            build_emit_section(b, order[i]);
        }
    }
    if (b->name_count > 0) {
        build_emit_names(b);
    }
    emit(&b->module, buffer_slice(&b->entries[0]));
    return buffer_slice(&b->module);
}

/* A whole module from hex behind an ordinary header. Borrowed until the next change. */
static inline struct slice build_hex(struct build *b, const char *hex)
{
    buffer_clear(&b->module);
    emit_header(&b->module);
    emit_hex(&b->module, hex);
    return buffer_slice(&b->module);
}

/*
 * The smallest guest that may be deployed: a page of memory, one function of type () -> () named
 * `export_name` with that body, and this metadata.
 */
static inline struct slice build_guest(
    struct build *b, const char *export_name, struct slice code, const char *metadata)
{
    build_memory(b, "memory", 1, BUILD_NO_MAX);
    build_function(b, export_name, "", "", code);
    build_metadata(b, metadata);
    return build_finish(b);
}

#endif
