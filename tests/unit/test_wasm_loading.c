/*
 * What a module has computed whenever a run begins: which of its parts, at what price, and how many
 * there may be.
 */
#include "unit/wasm_build.h"
#include "wasm/reader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ARENA_BYTES ((size_t)64 << 20)

enum { ITEM = 400, PAGE = 8000 };

enum { GLOBALS = 6, ELEMENTS = 9, DATA = 11 };

/* Beside a function, a table of 10 and a memory of 300 pages (19,660,800 bytes). */
struct part {
    int section; /* 0: none */
    uint32_t count;
    const char *hex;
};

static const struct {
    const char *label;
    struct part parts[2];
    uint32_t items;
    uint32_t pages;
} cases[] = {
    {"nothing", {{0}}, 0, 0},
    {"plain globals",
     {{GLOBALS, 2, "7f 01 41 00 0b 7b 00 fd 0c 0000000000000000 0000000000000000 0b"}},
     0,
     0},
    {"globals that are computed", {{GLOBALS, 2, "7f 00 41 01 41 02 6a 0b 7e 01 42 00 0b"}}, 1, 0},
    {"globals that refer to functions", {{GLOBALS, 2, "70 00 d2 00 0b 70 01 d0 70 0b"}}, 2, 0},
    {"an active segment of functions", {{ELEMENTS, 1, "00 41 00 0b 02 00 00"}}, 0, 0},
    {"a declared segment", {{ELEMENTS, 1, "03 00 02 00 00"}}, 0, 0},
    {"a passive segment", {{ELEMENTS, 1, "01 00 03 00 00 00"}}, 4, 0},
    {"a passive segment of expressions", {{ELEMENTS, 1, "05 70 01 d0 70 0b"}}, 2, 0},
    {"passive segments without items", {{ELEMENTS, 2, "01 00 00 01 00 00"}}, 2, 0},
    {"passive beside active", {{ELEMENTS, 2, "00 41 00 0b 02 00 00 01 00 01 00"}}, 2, 0},
    {"an active segment of expressions", {{ELEMENTS, 1, "04 41 00 0b 02 d2 00 0b d0 70 0b"}}, 3, 0},
    {"expressions in another", {{ELEMENTS, 2, "00 41 00 0b 01 00 04 41 00 0b 01 d0 70 0b"}}, 4, 0},
    {"an active segment with a computed target",
     {{ELEMENTS, 1, "00 41 00 41 01 6a 0b 01 00"}},
     2,
     0},
    {"data side by side", {{DATA, 2, "00 41 00 0b 01 61 00 41 01 0b 01 61"}}, 0, 0},
    {"passive data", {{DATA, 2, "01 01 61 01 01 61"}}, 0, 0},
    {"data that end at 16 MiB, less one",
     {{DATA, 2, "00 41 00 0b 01 61 00 41 fe ff ff 07 0b 01 61"}},
     0,
     0},
    {"data that end at 16 MiB", {{DATA, 2, "00 41 00 0b 01 61 00 41 ff ff ff 07 0b 01 61"}}, 2, 2},
    {"the same, in another order",
     {{DATA, 2, "00 41 ff ff ff 07 0b 01 61 00 41 00 0b 01 61"}},
     2,
     2},
    {"empty data far away", {{DATA, 2, "00 41 00 0b 01 61 00 41 ff ff ff 07 0b 00"}}, 0, 0},
    {"data with a computed target",
     {{DATA, 2, "00 41 00 0b 01 61 00 41 00 41 01 6a 0b 01 61"}},
     2,
     2},
    {"two sections", {{GLOBALS, 1, "70 00 d0 70 0b"}, {ELEMENTS, 1, "01 00 01 00"}}, 3, 0},
};

static void build_case(struct build *b, size_t i)
{
    build_init(b);
    build_function(b, NULL, "", "", NO_CODE);
    build_memory(b, "memory", 300, BUILD_NO_MAX);
    build_table(b, 10, 10);
    for (size_t k = 0; k < 2 && cases[i].parts[k].section != 0; k++) {
        struct buffer entries;
        buffer_init(&entries, 1000);
        emit_hex(&entries, cases[i].parts[k].hex);
        build_raw(b, cases[i].parts[k].section, cases[i].parts[k].count, buffer_slice(&entries));
        buffer_done(&entries);
    }
}

static void test_price(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CORDON_CLEANUP_ARENA struct arena arena;
        arena_init(&arena, ARENA_BYTES);
        struct build b;
        build_case(&b, i);
        const struct wasm_module *module = NULL;
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
            wasm_read(build_finish(&b), &wasm_limits_default, &arena, &module);
        if (error != NULL) {
            fail_msg("%s: %s", cases[i].label, cordon_error_get_message(error));
        }
        const uint64_t price = (uint64_t)cases[i].items * ITEM + (uint64_t)cases[i].pages * PAGE;
        if (module->loading_fuel != price) {
            fail_msg(
                "%s: %llu, not %llu", cases[i].label, (unsigned long long)module->loading_fuel,
                (unsigned long long)price);
        }
        build_done(&b);
    }
}

/* As many as there are pass; one less, and they don't. */
static void test_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (uint32_t less = 0; less < 2 && less <= cases[i].items; less++) {
            CORDON_CLEANUP_ARENA struct arena arena;
            arena_init(&arena, ARENA_BYTES);
            struct build b;
            build_case(&b, i);
            struct wasm_limits limits = wasm_limits_default;
            limits.loading_items = cases[i].items - less;
            const struct wasm_module *module = NULL;
            CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
                wasm_read(build_finish(&b), &limits, &arena, &module);
            const char *got = error == NULL ? "accepted" : cordon_error_get_message(error);
            char words[100] = "accepted";
            if (less > 0) {
                (void)snprintf(
                    words, sizeof words,
                    "%u items would have to be computed whenever a run begins; the limit is %u",
                    cases[i].items, cases[i].items - 1);
            }
            if (strstr(got, words) == NULL) {
                fail_msg("%s\nexpected: %s\ngot: %s", cases[i].label, words, got);
            }
            build_done(&b);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"wasm/loading/price", test_price, NULL, NULL, NULL},
        {"wasm/loading/bound", test_bound, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
