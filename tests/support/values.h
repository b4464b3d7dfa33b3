/*
 * Values at random, for tests of properties: of every type, nested, with the awkward ones (specials
 * among floats, zeros inside strings, names that begin alike) far more often than chance has them.
 *
 * The seed is the environment variable CORDON_TEST_SEED, 64 hex digits, or else drawn; it is
 * printed, so that a failure can be repeated.
 */
#ifndef SUPPORT_VALUES_H
#define SUPPORT_VALUES_H

#include "base/hash.h"
#include "base/random.h"
#include "support/expect.h"
#include "value/value.h"

static inline void values_seed(struct random_stream *random, const char *test)
{
    uint8_t seed[RANDOM_SEED_BYTES];
    const char *given = getenv("CORDON_TEST_SEED");
    if (given == NULL || !hex_decode(slice_str(given), seed, sizeof seed)) {
        random_system(seed, sizeof seed);
    }
    char text[2 * RANDOM_SEED_BYTES + 1];
    hex_encode(slice_of(seed, sizeof seed), text);
    print_message("%s: CORDON_TEST_SEED=%s\n", test, text);
    random_stream_init(random, seed, 0);
}

static inline uint64_t values_u64(struct random_stream *random)
{
    uint64_t number = 0;
    random_stream_fill(random, &number, sizeof number);
    return number;
}

/* 0 to below - 1. */
static inline size_t values_below(struct random_stream *random, size_t below)
{
    return (size_t)(values_u64(random) % below);
}

static inline int64_t values_int64(struct random_stream *random)
{
    /* Near a power of two, where the number of bytes changes. */
    const uint64_t near = ((uint64_t)1 << values_below(random, 64)) + values_below(random, 5) - 2;
    const uint64_t number = values_below(random, 2) == 0 ? near : values_u64(random);
    return (int64_t)(values_below(random, 2) == 0 ? 0 - number : number);
}

static inline double values_float64(struct random_stream *random)
{
    static const double specials[] = {
        0.0, -0.0, 1.0, -1.0, 0.5, 1e21, 1e-7, 9007199254740993.0, INFINITY, -INFINITY};
    if (values_below(random, 3) == 0) {
        return specials[values_below(random, COUNT(specials))];
    }
    if (values_below(random, 3) == 0) {
        return (double)(int64_t)values_below(random, 2000) - 1000;
    }
    const uint64_t bits = values_u64(random); /* NaNs with a payload among them */
    double number = 0;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Few characters and short, so that one string often begins with another. */
static inline struct slice values_string(struct random_stream *random, struct arena *arena)
{
    static const char *const pieces[] = {
        "a", "b", "\"", "\\", "\n", "\x01", "\x7f", "\xc3\xa9", "\xed\x9f\xbf", "\xf0\x9f\x98\x80"};
    uint8_t *bytes = arena_alloc(arena, 64);
    assert_non_null(bytes);
    size_t size = 0;
    for (size_t left = values_below(random, 6); left > 0; left--) {
        if (values_below(random, 4) == 0) {
            bytes[size] = 0;
            size++;
            continue;
        }
        const char *piece = pieces[values_below(random, COUNT(pieces))];
        memcpy(bytes + size, piece, strlen(piece));
        size += strlen(piece);
    }
    return slice_of(bytes, size);
}

static inline struct slice values_bytes(struct random_stream *random, struct arena *arena)
{
    static const uint8_t pieces[] = {0x00, 0x00, 0x01, 0x7f, 0x80, 0xff, 0xff};
    const size_t size = values_below(random, 6);
    uint8_t *bytes = arena_alloc(arena, size + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = pieces[values_below(random, COUNT(pieces))];
    }
    return slice_of(bytes, size);
}

static inline struct value values_make(
    struct random_stream *random, struct arena *arena, unsigned depth);

static inline struct value values_array(
    struct random_stream *random, struct arena *arena, unsigned depth)
{
    const size_t count = values_below(random, 4);
    struct value *items = arena_alloc(arena, (count + 1) * sizeof *items);
    assert_non_null(items);
    for (size_t i = 0; i < count; i++) {
        items[i] = values_make(random, arena, depth - 1);
    }
    return value_array(items, count);
}

static inline struct value values_object(
    struct random_stream *random, struct arena *arena, unsigned depth)
{
    static const char *const names[] = {"A", "_id", "a", "a b", "a\"", "aa", "ab", "b", "~"};
    struct value_field *fields = arena_alloc(arena, COUNT(names) * sizeof *fields);
    assert_non_null(fields);
    size_t count = 0;
    for (size_t i = 0; i < COUNT(names); i++) {
        if (values_below(random, 3) == 0) {
            fields[count].name = slice_str(names[i]);
            fields[count].value = values_make(random, arena, depth - 1);
            count++;
        }
    }
    return value_object(fields, count);
}

/* A value that is nested at most `depth` deep. */
static inline struct value values_make(
    struct random_stream *random, struct arena *arena, unsigned depth)
{
    switch (values_below(random, depth == 0 ? 6 : 8)) {
    case 0:
        return value_null();
    case 1:
        return value_int64(values_int64(random));
    case 2:
        return value_float64(values_float64(random));
    case 3:
        return value_bool(values_below(random, 2) == 0);
    case 4:
        return value_string(values_string(random, arena));
    case 5:
        return value_bytes(values_bytes(random, arena));
    case 6:
        return values_array(random, arena, depth);
    default:
        return values_object(random, arena, depth);
    }
}

#endif
