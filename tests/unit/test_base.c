/* Units of base: buffers and arenas at their ceilings, hashes and ChaCha12 against vectors. */
#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static void assert_code(cordon_error *error, cordon_error_code code)
{
    assert_non_null(error);
    assert_int_equal(cordon_error_get_code(error), code);
    cordon_error_free(error);
}

static void buffer_holds_exactly_its_ceiling(void **state)
{
    (void)state;
    static const struct {
        size_t ceiling;
        size_t size;
        bool fits;
    } cases[] = {{0, 0, true}, {0, 1, false}, {1, 1, true}, {100, 100, true}, {100, 101, false}};
    static const uint8_t bytes[128] = {1};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer buffer;
        buffer_init(&buffer, cases[i].ceiling);
        cordon_error *error = buffer_append(&buffer, slice_of(bytes, cases[i].size));
        if (cases[i].fits) {
            assert_null(error);
            assert_int_equal(buffer.size, cases[i].size);
        } else {
            assert_code(error, CORDON_E_TOO_LARGE);
            assert_int_equal(buffer.size, 0);
        }
        assert_true(buffer.capacity <= cases[i].ceiling);
        buffer_done(&buffer);
    }
}

static void buffer_prints(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 8);
    assert_null(buffer_printf(&buffer, "%d", 1234567)); /* with its NUL it fits exactly */
    assert_true(slice_equal(buffer_slice(&buffer), SLICE("1234567")));
    assert_code(buffer_printf(&buffer, "%d", 8), CORDON_E_TOO_LARGE);
    assert_true(slice_equal(buffer_slice(&buffer), SLICE("1234567")));
    buffer_done(&buffer);
}

static void arena_ends_at_its_ceiling(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 64 * 1024);
    size_t given = 0;
    while (arena_alloc(&arena, 1000) != NULL) {
        given += 1000;
    }
    assert_true(given >= 32 * 1024);
    assert_true(arena_bytes(&arena) <= 64 * 1024);
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 1000));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 8));
    arena_done(&arena);
    assert_int_equal(arena_bytes(&arena), 0);
}

static void arena_copies_end_in_nul(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    const struct slice copy = arena_copy(&arena, SLICE("guest"));
    assert_string_equal((const char *)copy.data, "guest");
    assert_int_equal((uintptr_t)arena_alloc(&arena, 3) % _Alignof(max_align_t), 0);
    arena_done(&arena);
}

static void errors_survive_lost_memory(void **state)
{
    (void)state;
    (void)mem_fail_nth(0);
    cordon_error *error = error_no_memory();
    cordon_error_free(error);
    assert_string_equal(cordon_error_get_message(error_no_memory()), "out of memory");
    for (int code = 0; code < CORDON_ERROR_CODE_COUNT; code++) {
        assert_non_null(cordon_error_code_name((cordon_error_code)code));
        assert_true(cordon_error_code_http_status((cordon_error_code)code) >= 400);
    }
}

static void check_hex(const void *bytes, size_t size, const char *expected)
{
    char hex[257];
    assert_true(size * 2 < sizeof hex);
    hex_encode(slice_of(bytes, size), hex);
    assert_string_equal(hex, expected);
}

/* First block of key zero, nonce zero, 12 rounds: draft-strombergson-chacha-test-vectors, TC1. */
static void chacha12_gives_the_published_stream(void **state)
{
    (void)state;
    const uint8_t seed[RANDOM_SEED_BYTES] = {0};
    struct random_stream stream;
    uint8_t bytes[64];
    random_stream_init(&stream, seed, 0);
    random_stream_fill(&stream, bytes, sizeof bytes);
    check_hex(
        bytes, sizeof bytes,
        "9bf49a6a0755f953811fce125f2683d50429c3bb49e074147e0089a52eae155f"
        "0564f879d27ae3c02ce82834acfa8c793a629f2ca0de6919610be82f411326be");
}

static void streams_do_not_depend_on_how_they_are_drawn(void **state)
{
    (void)state;
    const uint8_t seed[RANDOM_SEED_BYTES] = {7};
    struct random_stream whole;
    struct random_stream parts;
    struct random_stream other;
    uint8_t a[1000];
    uint8_t b[1000];
    random_stream_init(&whole, seed, 0);
    random_stream_init(&parts, seed, 0);
    random_stream_init(&other, seed, 1);
    random_stream_fill(&whole, a, sizeof a);
    for (size_t at = 0, size = 1; at < sizeof b; at += size, size = size * 3 % 97) {
        size = size > sizeof b - at ? sizeof b - at : size;
        random_stream_fill(&parts, b + at, size);
    }
    assert_memory_equal(a, b, sizeof a);
    random_stream_fill(&other, b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
}

/* Draws of every size across several refills: none comes twice, none stays behind. */
static void pool_gives_each_byte_once(void **state)
{
    (void)state;
    static struct random_pool pool;
    static uint8_t drawn[1000][32];
    random_pool_init(&pool);
    for (size_t i = 0; i < 1000; i++) {
        random_pool_fill(&pool, drawn[i], sizeof drawn[i]);
        for (size_t gone = pool.left; gone < sizeof pool.bytes; gone++) {
            assert_int_equal(pool.bytes[gone], 0);
        }
        for (size_t earlier = 0; earlier < i; earlier++) {
            assert_memory_not_equal(drawn[earlier], drawn[i], sizeof drawn[i]);
        }
    }
    static uint8_t large[sizeof pool.bytes + 1];
    random_pool_fill(&pool, large, sizeof large);
    assert_true(large[0] != 0 || memcmp(large, large + 1, sizeof large - 1) != 0);
    random_pool_done(&pool);
}

static void hashes_match_published_vectors(void **state)
{
    (void)state;
    uint8_t out[SHA256_BYTES];
    const struct slice parts[] = {SLICE("a"), SLICE("b"), SLICE("c")};
    hash_sha256(parts, 3, out); /* FIPS 180-2, appendix B.1 */
    check_hex(out, sizeof out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const struct slice what = SLICE("what do ya want for nothing?"); /* RFC 4231, case 2 */
    hash_hmac_sha256(SLICE("Jefe"), &what, 1, out);
    check_hex(out, sizeof out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* Of each size, and with one bit that differs in each place. */
static void a_difference_is_seen_wherever_it_is(void **state)
{
    enum { SIZE_MAX_HERE = 40 };
    (void)state;
    uint8_t a[SIZE_MAX_HERE];
    uint8_t b[SIZE_MAX_HERE];
    memset(a, 0x5a, sizeof a);
    memset(b, 0x5a, sizeof b);
    for (size_t size = 0; size <= sizeof a; size++) {
        assert_true(hash_equal_constant_time(a, b, size));
        for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
            b[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(hash_equal_constant_time(a, b, size), bit / 8 >= size);
            b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void hex_is_strict(void **state)
{
    (void)state;
    uint8_t out[2];
    assert_true(hex_decode(SLICE("0aFf"), out, 2));
    assert_int_equal(out[0], 0x0a);
    assert_int_equal(out[1], 0xff);
    static const char *const bad[] = {"", "0a", "0aFf0", "0aFg", " 0af", "0x0a"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(hex_decode(slice_str(bad[i]), out, 2));
    }
}

static void deadlines_do_not_overflow(void **state)
{
    (void)state;
    const uint64_t now = clock_monotonic_ns();
    const uint64_t hour = clock_deadline_ns(3600000);
    assert_in_range(hour - now, UINT64_C(3600000000000), UINT64_C(3700000000000));
    assert_in_range(clock_poll_ms(hour), 3500000, 3600000);
    assert_in_range(clock_poll_ms(clock_monotonic_ns() + 1000000000), 1, 1000);
    assert_int_equal(clock_poll_ms(0), 0);
    assert_int_equal(clock_poll_ms(now), 0);
    static const uint64_t endless[] = {
        UINT64_MAX, UINT64_MAX / 2, UINT64_MAX / 1000000, UINT64_MAX / 1000000 + 1};
    for (size_t i = 0; i < sizeof endless / sizeof endless[0]; i++) {
        assert_true(clock_deadline_ns(endless[i]) == UINT64_MAX);
    }
    assert_true(clock_poll_ms(UINT64_MAX) == INT32_MAX);
}

static void *set_soon(void *event)
{
    const struct timespec ms = {.tv_nsec = 1000000};
    (void)nanosleep(&ms, NULL);
    event_set(event);
    return NULL;
}

static void events_are_waited_for_once(void **state)
{
    (void)state;
    const uint64_t hour = clock_deadline_ns(3600000);
    struct event event;
    event_init(&event);
    event_set(&event);
    event_set(&event);
    event_wait(&event, hour); /* said before */
    assert_false(event.is_set);
    event_wait(&event, clock_monotonic_ns()); /* said once: the second wait ends by the clock */
    event_wait(&event, 0);
    const uint64_t ends[] = {hour, UINT64_MAX};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, set_soon, &event), 0);
        event_wait(&event, ends[i]);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    event_done(&event);
}

static void lines_are_taken_one_by_one(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *lines[4];
    } cases[] = {
        {"", {NULL}},
        {"a", {"a"}},
        {"a\n", {"a"}},
        {"\n", {""}},
        {"a\n\nbc", {"a", "", "bc"}},
        {"\n\n", {"", ""}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice rest = slice_str(cases[i].text);
        struct slice line = {0};
        size_t count = 0;
        while (slice_take_line(&rest, &line)) {
            assert_non_null(cases[i].lines[count]);
            assert_true(slice_equal(line, slice_str(cases[i].lines[count])));
            count++;
        }
        assert_null(cases[i].lines[count]);
        assert_int_equal(line.size, 0);
    }
    struct slice none = {0};
    struct slice line = {0};
    assert_false(slice_take_line(&none, &line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_taken_one_by_one),
        cmocka_unit_test(buffer_holds_exactly_its_ceiling),
        cmocka_unit_test(buffer_prints),
        cmocka_unit_test(arena_ends_at_its_ceiling),
        cmocka_unit_test(arena_copies_end_in_nul),
        cmocka_unit_test(errors_survive_lost_memory),
        cmocka_unit_test(chacha12_gives_the_published_stream),
        cmocka_unit_test(streams_do_not_depend_on_how_they_are_drawn),
        cmocka_unit_test(pool_gives_each_byte_once),
        cmocka_unit_test(hashes_match_published_vectors),
        cmocka_unit_test(a_difference_is_seen_wherever_it_is),
        cmocka_unit_test(hex_is_strict),
        cmocka_unit_test(deadlines_do_not_overflow),
        cmocka_unit_test(events_are_waited_for_once),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
