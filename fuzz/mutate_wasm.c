/*
 * Mutations of modules that keep their shape, for libFuzzer: what it changes by itself breaks a
 * size in nine of ten cases, and then nothing behind it is read. Here a module is taken apart into
 * its sections, and the code section into its bodies; one of them is changed, taken out, doubled,
 * moved or taken from another module; and all is put together again with the sizes that belong to
 * it. Every fourth time the bytes are left to libFuzzer, so that sizes that lie are tried too.
 */
#include "base/error.h"

#include <stdint.h>
#include <string.h>

enum { SECTIONS_MAX = 64, BODIES_MAX = 256, SECTION_CODE = 10, HEADER_BYTES = 8 };
#define SCRATCH_BYTES ((size_t)1 << 16)

/* libFuzzer's own, and what it asks for. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(
    const uint8_t *data1,
    size_t size1,
    const uint8_t *data2,
    size_t size2,
    uint8_t *out,
    size_t out_size_max,
    unsigned int seed);

/* A run of bytes with its size before it, in a list of such. */
struct part {
    uint8_t id; /* of a section */
    const uint8_t *bytes;
    size_t size;
};

struct parts {
    struct part items[BODIES_MAX];
    size_t count;
};

static uint8_t scratch[SCRATCH_BYTES]; /* of one part that was changed */
static uint8_t code[SCRATCH_BYTES];    /* of a code section that was put together */

/* -- Numbers --------------------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* False at a number that has no end, or none in 32 bits. */
static bool take_number(const uint8_t **at, const uint8_t *end, uint32_t *out)
{
    uint32_t number = 0;
    for (unsigned shift = 0; shift < 35 && *at < end; shift += 7) {
        const uint8_t byte = *(*at)++;
        number |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = number;
            return true;
        }
    }
    return false;
}

static size_t put_number(uint8_t *at, uint32_t number)
{
    size_t size = 0;
    do {
        at[size] = (uint8_t)(number & 0x7f) | (number > 0x7f ? 0x80 : 0);
        number >>= 7;
        size++;
    } while (number > 0);
    return size;
}

/* -- Apart and together ------------------------------------------------------------------------ */

static bool split_module(const uint8_t *data, size_t size, struct parts *out)
{
    const uint8_t *const end = data + size;
    const uint8_t *at = data + HEADER_BYTES;
    out->count = 0;
    if (size < HEADER_BYTES || memcmp(data, "\0asm", 4) != 0) {
        return false;
    }
    while (at < end) {
        struct part part = {.id = *at++};
        uint32_t part_size = 0;
        if (out->count == SECTIONS_MAX || !take_number(&at, end, &part_size) ||
            part_size > (size_t)(end - at)) {
            return false;
        }
        part.bytes = at;
        part.size = part_size;
        out->items[out->count++] = part;
        at += part_size;
    }
    return true;
}

static bool split_code(const struct part *section, struct parts *out)
{
    const uint8_t *const end = section->bytes + section->size;
    const uint8_t *at = section->bytes;
    uint32_t count = 0;
    out->count = 0;
    if (!take_number(&at, end, &count) || count > BODIES_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = 0;
        if (!take_number(&at, end, &size) || size > (size_t)(end - at)) {
            return false;
        }
        out->items[out->count++] = (struct part){.bytes = at, .size = size};
        at += size;
    }
    return at == end;
}

/* The size, or 0 if it does not fit. `with_ids`: sections; else bodies. */
static size_t join(const struct parts *parts, bool with_ids, uint8_t *out, size_t size_max)
{
    size_t at = 0;
    for (size_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->items[i];
        uint8_t number[5];
        const size_t number_size = put_number(number, (uint32_t)part->size);
        if (size_max - at < 1 + number_size + part->size) {
            return 0;
        }
        if (with_ids) {
            out[at++] = part->id;
        }
        memcpy(out + at, number, number_size);
        at += number_size;
        if (part->size > 0) {
            memcpy(out + at, part->bytes, part->size);
        }
        at += part->size;
    }
    return at;
}

static size_t join_module(const struct parts *sections, uint8_t *out, size_t size_max)
{
    static const uint8_t header[HEADER_BYTES] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    if (size_max < HEADER_BYTES) {
        return 0;
    }
    memcpy(out, header, HEADER_BYTES);
    const size_t size = join(sections, true, out + HEADER_BYTES, size_max - HEADER_BYTES);
    return size == 0 && sections->count > 0 ? 0 : HEADER_BYTES + size;
}

/* -- Changes --------------------------------------------------------------------------------- */

static bool change_bytes(struct part *part)
{
    if (part->size > sizeof scratch / 2) {
        return false;
    }
    if (part->size > 0) {
        memcpy(scratch, part->bytes, part->size);
    }
    part->size = LLVMFuzzerMutate(scratch, part->size, sizeof scratch / 2);
    part->bytes = scratch;
    return true;
}

/* Takes one out, doubles it, or lets two change places. */
static void change_order(struct parts *parts, size_t limit, uint32_t *state)
{
    const size_t at = next_random(state) % parts->count;
    const size_t other = next_random(state) % parts->count;
    const uint32_t how = next_random(state) % 3;
    if (how == 0) {
        parts->items[at] = parts->items[--parts->count];
    } else if (how == 1 && parts->count < limit) {
        parts->items[parts->count++] = parts->items[at];
    } else {
        const struct part kept = parts->items[at];
        parts->items[at] = parts->items[other];
        parts->items[other] = kept;
    }
}

static bool change_bodies(struct part *section, uint32_t *state)
{
    static struct parts bodies;
    if (!split_code(section, &bodies) || bodies.count == 0) {
        return false;
    }
    if (next_random(state) % 4 == 0) {
        change_order(&bodies, BODIES_MAX, state);
    } else if (!change_bytes(&bodies.items[next_random(state) % bodies.count])) {
        return false;
    }
    const size_t head = put_number(code, (uint32_t)bodies.count);
    const size_t size = join(&bodies, false, code + head, sizeof code - head);
    section->bytes = code;
    section->size = head + size;
    return size > 0 || bodies.count == 0;
}

static bool change(struct parts *sections, uint32_t *state)
{
    struct part *section = &sections->items[next_random(state) % sections->count];
    if (next_random(state) % 4 == 0) {
        change_order(sections, SECTIONS_MAX, state);
        return true;
    }
    return section->id == SECTION_CODE && next_random(state) % 4 != 0
               ? change_bodies(section, state)
               : change_bytes(section);
}

/* What was put together comes apart into the same. */
static void check(const uint8_t *data, size_t size, size_t count)
{
    static struct parts again;
    CORDON_ASSERT(split_module(data, size, &again) && again.count == count);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
    static struct parts sections;
    static uint8_t out[2 * SCRATCH_BYTES];
    uint32_t state = seed;
    if (next_random(&state) % 4 == 0 || !split_module(data, size, &sections) ||
        sections.count == 0 || !change(&sections, &state)) {
        return LLVMFuzzerMutate(data, size, size_max);
    }
    const size_t limit = size_max < sizeof out ? size_max : sizeof out;
    const size_t made = join_module(&sections, out, limit);
    if (made == 0) {
        return LLVMFuzzerMutate(data, size, size_max);
    }
    check(out, made, sections.count);
    memcpy(data, out, made);
    return made;
}

/* A section of the first module becomes one of the second's, of the same id if there is one. */
size_t LLVMFuzzerCustomCrossOver(
    const uint8_t *data1,
    size_t size1,
    const uint8_t *data2,
    size_t size2,
    uint8_t *out,
    size_t out_size_max,
    unsigned int seed)
{
    static struct parts first;
    static struct parts second;
    uint32_t state = seed;
    if (!split_module(data1, size1, &first) || !split_module(data2, size2, &second) ||
        first.count == 0 || second.count == 0) {
        return 0;
    }
    const size_t at = next_random(&state) % first.count;
    size_t from = next_random(&state) % second.count;
    for (size_t i = 0; i < second.count; i++) {
        from = second.items[i].id == first.items[at].id ? i : from;
    }
    first.items[at] = second.items[from];
    const size_t made = join_module(&first, out, out_size_max);
    if (made > 0) {
        check(out, made, first.count);
    }
    return made;
}
