/*
 * A cursor over a part of a module: the only code that touches its bytes.
 *
 * Every take checks that what it reads lies inside the part, so that no reader above it can read
 * past a section or a function body. All numbers are LEB128 as the specification has it: at most
 * ceil(bits / 7) bytes, the unused bits of the last one zero or the sign. Padded forms inside that
 * length are legal and common: linkers leave room to patch an index.
 *
 * `what` names what is read, as a noun phrase that a text begins with: "The number of types".
 */
#ifndef WASM_CURSOR_H
#define WASM_CURSOR_H

#include "base/arena.h"
#include "wasm/limits.h"
#include "wasm/refusal.h"

struct wasm_cursor {
    struct wasm_module *module;
    const struct wasm_limits *limits;
    struct arena *arena;
    uint32_t at; /* next byte, from the start of the module */
    uint32_t end;
    enum wasm_section_id section;
    struct slice custom; /* name of a custom section */
    uint32_t function;   /* whose body this is, or WASM_NO_FUNCTION */
    bool absent;         /* stands for a section that the module lacks: an empty one */
};

static inline struct wasm_place wasm_at(const struct wasm_cursor *c, uint32_t offset)
{
    return (struct wasm_place){c->module, c->section, c->custom, offset, c->function};
}

static inline struct wasm_place wasm_here(const struct wasm_cursor *c)
{
    return wasm_at(c, c->at);
}

static inline uint32_t wasm_left(const struct wasm_cursor *c)
{
    return c->end - c->at;
}

CORDON_MUST_USE cordon_error *wasm_take_byte(
    struct wasm_cursor *c, const char *what, uint8_t *out_byte);

CORDON_MUST_USE cordon_error *wasm_take_u32(
    struct wasm_cursor *c, const char *what, uint32_t *out_value);

/* A signed LEB128 of 32 or 64 bits. */
CORDON_MUST_USE cordon_error *wasm_take_signed(
    struct wasm_cursor *c, unsigned bits, const char *what, int64_t *out_value);

/* The next `size` bytes as they are. */
CORDON_MUST_USE cordon_error *wasm_take_bytes(
    struct wasm_cursor *c, uint32_t size, const char *what, struct slice *out_bytes);

/*
 * The number of items in a vector: at most `max`, and no more than the bytes left can hold at
 * `item_bytes` each, so that it may size an allocation. `items` is a plural: "types". An absent
 * section has 0.
 */
CORDON_MUST_USE cordon_error *wasm_take_count(
    struct wasm_cursor *c,
    const char *items,
    uint32_t max,
    uint32_t item_bytes,
    uint32_t *out_count);

/* An index of one of `count` things. */
CORDON_MUST_USE cordon_error *wasm_take_index(
    struct wasm_cursor *c, const char *what, uint32_t count, uint32_t *out_index);

/* A name of at most `size_max` bytes, in UTF-8. Borrowed from the module. */
CORDON_MUST_USE cordon_error *wasm_take_name(
    struct wasm_cursor *c, const char *what, uint32_t size_max, struct slice *out_name);

/* One value type that is admitted. */
CORDON_MUST_USE cordon_error *wasm_take_type(
    struct wasm_cursor *c, const char *what, enum wasm_type *out_type);

/* The type of a null reference, of which one is admitted: functions. */
CORDON_MUST_USE cordon_error *wasm_take_null(struct wasm_cursor *c);

/* The error for an arena that gave nothing: refused at its ceiling, else CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *wasm_no_room(const struct wasm_cursor *c);

/* Zeroed memory for `count` items from the arena. Errors as wasm_no_room(). */
CORDON_MUST_USE cordon_error *wasm_allocate(
    const struct wasm_cursor *c, uint32_t count, size_t item_bytes, void **out_items);

#endif
