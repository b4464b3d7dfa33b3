/* Mangled names: what real ones stand for, and that names made to take long do not. */
#include "debug/demangle.h"

#include "base/clock.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_demangled(const char *mangled, const char *wanted)
{
    char buffer[WASM_NAME_SHOWN_MAX];
    const struct slice text = demangle(slice_str(mangled), buffer);
    if (!slice_equal(text, slice_str(wanted))) {
        print_error("%s is %.*s\n", mangled, SLICE_FMT(text));
        fail();
    }
}

static void names_of_all_languages(void **state)
{
    (void)state;
    const struct {
        const char *mangled;
        const char *wanted;
    } rows[] = {
        {"", ""},
        {"sum", "sum"},
        {"_start", "_start"},
        {"messages:list", "messages:list"},
        /* C++ */
        {"_Z3addii", "add(int, int)"},
        {"_ZN5shape4Area2ofERKd", "shape::Area::of(double const&)"},
        {"_Z3f", "_Z3f"},
        {"_Z", "_Z"},
        /* Rust as it was */
        {"_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"},
        {"_ZN48_$LT$$u5b$T$u5d$$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE",
         "<[T] as core::fmt::Debug>::fmt"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_demangled(rows[i].mangled, rows[i].wanted);
    }
}

static void names_of_rust(void **state)
{
    (void)state;
    const struct {
        const char *mangled;
        const char *wanted;
    } rows[] = {
        {"_RC1a", "a"},
        {"_RNvC7mycrate3foo", "mycrate::foo"},
        {"_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"},
        {"_RNvNtCs1234_7mycrate3foo3barCs5_5other", "mycrate::foo::bar"},
        {"_RNvNtCs1234_7mycrate3foo3bar.llvm.123", "mycrate::foo::bar"},
        /* Closures and shims have numbers. */
        {"_RNCNvC7mycrate3foo0", "mycrate::foo::{closure#0}"},
        {"_RNCNvC7mycrate3foos_0", "mycrate::foo::{closure#1}"},
        {"_RNSNvC7mycrate3foos0_6vtable", "mycrate::foo::{shim:vtable#2}"},
        {"_RNZNvC7mycrate3foo0", "mycrate::foo::{Z#0}"},
        /* Implementations. */
        {"_RNvMC1aNtB2_1S3new", "<a::S>::new"},
        {"_RNvXC1aNtB2_1SNtC4core5Clone5clone", "<a::S as core::Clone>::clone"},
        {"_RNvYhNtC4core5Clone5clone", "<u8 as core::Clone>::clone"},
        {"_RNvXs2_C1aINtB5_1VhENtC4core5Clone5clone", "<a::V<u8> as core::Clone>::clone"},
        /* Generics, of values and of types. */
        {"_RINvC1a1fhE", "a::f::<u8>"},
        {"_RINvC1a1fINtC5alloc3VeceEE", "a::f::<alloc::Vec<str>>"},
        {"_RINvC1a1fL_E", "a::f::<'_>"},
        /* Types. */
        {"_RINvC1a1fabcdefhijlmnopstuvxyzE",
         "a::f::<i8, bool, char, f64, str, f32, u8, isize, usize, i32, u32, i128, u128, _, i16, "
         "u16, (), ..., i64, u64, !>"},
        {"_RINvC1a1fTEThEThmEE", "a::f::<(), (u8,), (u8, u32)>"},
        {"_RINvC1a1fAhj4_SeRhQhRL_hPhOhE",
         "a::f::<[u8; 4], [str], &u8, &mut u8, &u8, *const u8, *mut u8>"},
        {"_RINvC1a1fFEuFhEhFUKCtEuFK5rust1mEuE",
         "a::f::<fn(), fn(u8) -> u8, unsafe extern \"C\" fn(u16), extern \"rust1\" fn(u32)>"},
        {"_RINvC1a1fFG_RL0_hEuFG0_RL0_hRL1_hEuE",
         "a::f::<for<'a> fn(&'a u8), for<'a, 'b> fn(&'b u8, &'a u8)>"},
        {"_RINvC1a1fDNtC4core4SendEL_E", "a::f::<dyn core::Send>"},
        {"_RINvC1a1fDNtC4core4SendNtBa_4SyncEL_E", "a::f::<dyn core::Send + core::Sync>"},
        {"_RINvC1a1fDINtC4core2FnThEEp6OutputuEL_E", "a::f::<dyn core::Fn<(u8,), Output = ()>>"},
        {"_RINvC1a1fDNtC4core4Iterp4ItemhEL_E", "a::f::<dyn core::Iter<Item = u8>>"},
        /* Constants. */
        {"_RINvC1a1fKj1f_Kin2a_Kb0_Kb1_Kc41_KpE", "a::f::<31, -42, false, true, '\\u{41}', _>"},
        {"_RINvC1a1fKo123456789abcdef01_E", "a::f::<0x123456789abcdef01>"},
        {"_RINvC1a1fKj1_KB8_E", "a::f::<1, 1>"},
        /* Names that begin with a digit, and such that are no ASCII. */
        {"_RNvC1a3_1bc", "a::1bc"},
        {"_RNvC1au7abc_dfa", "a::punycode{abc_dfa}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_demangled(rows[i].mangled, rows[i].wanted);
    }
}

/* They are shown as they are. */
static void names_that_are_none(void **state)
{
    (void)state;
    const char *const rows[] = {
        "_R",
        "_R0C1a",
        "_RNvC1a",
        "_RNvC1a9b",
        "_RNvC1a99999999999999b",
        "_RB_",
        "_RNvB_1a",
        "_RNvBz_1a",
        "_RNvC1au",
        "_RINvC1a1f",
        "_RINvC1a1fh",
        "_RINvC1a1fK",
        "_RINvC1a1fKq1_E",
        "_RINvC1a1fKj",
        "_RINvC1a1fKjz_E",
        "_RINvC1a1fL",
        "_RINvC1a1fL0_E",
        "_RINvC1a1fDE_E",
        "_RINvC1a1fFG",
        "_RINvC1a1fFGzzzzzzzzzz_EuE",
        "_RNvC1a1\xc3\xa4",
        "_RNv\x01",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_demangled(rows[i], rows[i]);
    }
}

/* -- Names made to take long ------------------------------------------------------------------ */

static void append(char *name, const char *text)
{
    memcpy(name + strlen(name), text, strlen(text) + 1);
}

/* Writes the reference to `number` as Rust (base 62) or C++ (base 36, upper case) does. */
static void append_reference(char *name, size_t number, unsigned base)
{
    static const char rust[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char cpp[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char digits[16];
    size_t count = 0;
    if (number > 0) {
        number--;
        do {
            digits[count++] = (base == 62 ? rust : cpp)[number % base];
            number /= base;
        } while (number > 0);
    }
    size_t end = strlen(name);
    while (count > 0) {
        name[end++] = digits[--count];
    }
    memcpy(name + end, "_", 2);
}

/* Pairs of pairs: each level doubles what is shown. */
static void make_rust_bomb(char *name, unsigned levels)
{
    name[0] = '\0';
    append(name, "_RINvC1a1fTuuE");
    size_t last = strlen(name) - 6;
    for (unsigned i = 0; i < levels; i++) {
        const size_t here = strlen(name) - 2;
        append(name, "TB");
        append_reference(name, last, 62);
        append(name, "B");
        append_reference(name, last, 62);
        append(name, "E");
        last = here;
    }
    append(name, "E");
}

static void make_cpp_bomb(char *name, unsigned levels, bool is_pack)
{
    name[0] = '\0';
    append(name, "_Z1f1AIiE");
    for (unsigned i = 1; i <= levels; i++) {
        append(name, i == levels && is_pack ? "DpS_I" : "S_I");
        for (int k = 0; k < 2; k++) {
            append(name, "S");
            append_reference(name, i, 36);
        }
        append(name, "E");
    }
}

static void bombs_are_no_danger(void **state)
{
    (void)state;
    char deep[4000] = "_RINvC1a1f";
    memset(deep + strlen(deep), 'R', 3900 - strlen(deep)); /* &&&&& */
    const char *rows[] = {
        [0] = NULL,
        [1] = NULL,
        [2] = NULL,
        [3] = deep,
        [4] = "_RNvMIC1aFG9zzzzz_EuEu1f", /* a thousand million lifetimes, not shown */
        [5] = "_RINvC1a1fFGzzzz_EuE",     /* and shown */
        [6] = "_RINvC1a1fTB8_EE",         /* refers to itself */
    };
    char bombs[3][2000];
    make_rust_bomb(bombs[0], 60);
    make_cpp_bomb(bombs[1], 50, false);
    make_cpp_bomb(bombs[2], 50, true);
    for (size_t i = 0; i < 3; i++) {
        rows[i] = bombs[i];
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buffer[WASM_NAME_SHOWN_MAX];
        const uint64_t started = clock_monotonic_ns();
        const struct slice text = demangle(slice_str(rows[i]), buffer);
        const uint64_t spent = clock_monotonic_ns() - started;
        assert_in_range(text.size, 1, WASM_NAME_SHOWN_MAX);
        if (spent >= 500000000) {
            print_error("%.60s took %llu ms\n", rows[i], (unsigned long long)spent / 1000000);
            fail();
        }
    }
}

/* What is longer than what is shown ends there, and is demangled all the same. */
static void long_names_are_cut(void **state)
{
    (void)state;
    char bomb[2000];
    char buffer[WASM_NAME_SHOWN_MAX];
    make_rust_bomb(bomb, 20);
    const struct slice text = demangle(slice_str(bomb), buffer);
    assert_int_equal(text.size, WASM_NAME_SHOWN_MAX);
    assert_true(slice_starts_with(text, SLICE("a::f::<((), ()), (((), ()), ((), ())), (")));

    char plain[600];
    memset(plain, 'x', sizeof plain);
    assert_int_equal(demangle(slice_of(plain, sizeof plain), buffer).size, WASM_NAME_SHOWN_MAX);
    memcpy(plain + WASM_NAME_SHOWN_MAX - 1, "\xc3\xa4", 2); /* is not cut in two */
    assert_int_equal(demangle(slice_of(plain, sizeof plain), buffer).size, WASM_NAME_SHOWN_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_all_languages), cmocka_unit_test(names_of_rust),
        cmocka_unit_test(names_that_are_none),    cmocka_unit_test(bombs_are_no_danger),
        cmocka_unit_test(long_names_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
