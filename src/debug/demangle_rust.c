/*
 * Rust's mangling of today ("v0"): paths, types and constants, each with a letter in front that
 * says what it is, and references to what stood before.
 *
 * Those can make a name as long as one likes, and nested as deep. Each part read costs a step and
 * the nesting has a depth, so that a name that is no good ends soon; what is written ends when the
 * buffer is full, which is no fault of the name.
 */
#include "debug/demangle.h"

#include <inttypes.h>
#include <stdio.h>

#define STEPS_MAX 10000u
#define DEPTH_MAX 100u

struct reader {
    struct slice text; /* behind "_R", which references count from */
    size_t at;
    char *out;
    size_t size;
    uint64_t lifetimes; /* bound by what is around this part */
    unsigned steps;     /* spent */
    unsigned depth;
    unsigned silent; /* parts around this one that are read but not shown */
    bool bad;
    bool full;
};

static void read_path(struct reader *r, bool is_value);
static void read_type(struct reader *r);
static void read_const(struct reader *r);

/* -- Text ----------------------------------------------------------------------------------- */

static bool is_live(const struct reader *r)
{
    return !r->bad && !r->full;
}

static void show(struct reader *r, struct slice text)
{
    if (r->silent > 0 || !is_live(r)) {
        return;
    }
    const size_t room = WASM_NAME_SHOWN_MAX - r->size;
    const size_t take = text.size < room ? text.size : room;
    if (take > 0) {
        memcpy(r->out + r->size, text.data, take);
    }
    r->size += take;
    r->full = take < text.size;
}

static void show_number(struct reader *r, uint64_t number)
{
    char text[32];
    const int size = snprintf(text, sizeof text, "%" PRIu64, number);
    show(r, slice_of(text, (size_t)size));
}

static char take(struct reader *r)
{
    if (r->at == r->text.size) {
        r->bad = true;
        return '\0';
    }
    return (char)r->text.data[r->at++];
}

static bool accept(struct reader *r, char wanted)
{
    if (r->at == r->text.size || r->text.data[r->at] != (uint8_t)wanted) {
        return false;
    }
    r->at++;
    return true;
}

/* Begins a part, which leave() ends. False: there is no more work to be done. */
static bool enter(struct reader *r)
{
    if (r->steps == STEPS_MAX || r->depth == DEPTH_MAX) {
        r->bad = true;
    }
    if (!is_live(r)) {
        return false;
    }
    r->steps++;
    r->depth++;
    return true;
}

static void leave(struct reader *r)
{
    r->depth--;
}

/* -- Numbers and names ---------------------------------------------------------------------- */

/* -1: no digit. */
static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'Z' ? c - 'A' + 36 : -1;
}

/* "_" is 0, "0_" is 1. */
static uint64_t take_base62(struct reader *r)
{
    uint64_t number = 0;
    if (accept(r, '_')) {
        return 0;
    }
    for (;;) {
        const char c = take(r);
        if (c == '_') {
            return number + 1;
        }
        const int digit = digit_of(c);
        if (digit < 0 || number > (UINT64_MAX - 64) / 62) {
            r->bad = true;
            return 0;
        }
        number = number * 62 + (unsigned)digit;
    }
}

/* 0 if the letter is not there. */
static uint64_t take_marked(struct reader *r, char letter)
{
    return accept(r, letter) ? take_base62(r) + 1 : 0;
}

static struct slice take_name(struct reader *r, bool *out_is_punycode)
{
    *out_is_punycode = accept(r, 'u');
    size_t size = 0;
    if (!accept(r, '0')) {
        const size_t start = r->at;
        while (r->at < r->text.size && r->text.data[r->at] >= '0' && r->text.data[r->at] <= '9') {
            size = size * 10 + (r->text.data[r->at++] - (size_t)'0');
            if (size > r->text.size) {
                break;
            }
        }
        r->bad = r->bad || r->at == start;
    }
    (void)accept(r, '_');
    if (r->bad || size > r->text.size - r->at) {
        r->bad = true;
        return (struct slice){NULL, 0};
    }
    r->at += size;
    return slice_of(r->text.data + r->at - size, size);
}

static void show_name(struct reader *r, struct slice name, bool is_punycode)
{
    if (is_punycode) {
        show(r, SLICE("punycode{"));
    }
    show(r, name);
    if (is_punycode) {
        show(r, SLICE("}"));
    }
}

/* -- References ----------------------------------------------------------------------------- */

/*
 * Behind the "B" of a reference: goes to where it points, always back. False: it is not followed.
 * `*out_return` is where to go on afterwards.
 */
static bool follow(struct reader *r, size_t *out_return)
{
    const size_t here = r->at - 1;
    const uint64_t to = take_base62(r);
    *out_return = r->at;
    if (to >= here) {
        r->bad = true;
    }
    if (!is_live(r) || r->silent > 0) {
        return false;
    }
    r->at = (size_t)to;
    return true;
}

/* -- Lifetimes ------------------------------------------------------------------------------ */

/* Counted from the innermost one that is bound, from 1; 0 is a lifetime without a name. */
static void show_lifetime(struct reader *r, uint64_t index)
{
    if (index > r->lifetimes) {
        r->bad = true;
        return;
    }
    const uint64_t number = r->lifetimes - index;
    if (index == 0) {
        show(r, SLICE("'_"));
    } else if (number < 26) {
        const char name[] = {'\'', (char)('a' + (char)number)};
        show(r, slice_of(name, sizeof name));
    } else {
        show(r, SLICE("'_"));
        show_number(r, number);
    }
}

/* for<'a, 'b>; returns how many lifetimes the part that follows has more. */
static uint64_t read_binder(struct reader *r)
{
    const uint64_t count = take_marked(r, 'G');
    if (count > UINT32_MAX) {
        r->bad = true;
        return 0;
    }
    if (count == 0) {
        return 0;
    }
    show(r, SLICE("for<"));
    const uint64_t outer = r->lifetimes;
    for (uint64_t i = 0; i < count && r->silent == 0 && is_live(r); i++) {
        show(r, i == 0 ? SLICE("") : SLICE(", "));
        r->lifetimes++;
        show_lifetime(r, 1);
    }
    r->lifetimes = outer + count;
    show(r, SLICE("> "));
    return count;
}

/* -- Constants ------------------------------------------------------------------------------ */

static struct slice take_hex(struct reader *r)
{
    const size_t start = r->at;
    while (!r->bad && !accept(r, '_')) {
        const int digit = digit_of(take(r));
        r->bad = r->bad || digit < 0 || digit > 15;
    }
    return r->bad ? (struct slice){NULL, 0} : slice_of(r->text.data + start, r->at - start - 1);
}

static void show_hex(struct reader *r, struct slice hex)
{
    uint64_t number = 0;
    if (hex.size > 16) {
        show(r, SLICE("0x"));
        show(r, hex);
        return;
    }
    for (size_t i = 0; i < hex.size; i++) {
        number = number << 4 | (unsigned)digit_of((char)hex.data[i]);
    }
    show_number(r, number);
}

static void show_char(struct reader *r, struct slice hex)
{
    show(r, SLICE("'\\u{"));
    show(r, hex);
    show(r, SLICE("}'"));
}

static void read_plain_const(struct reader *r)
{
    const char letter = take(r);
    switch (letter) {
    case 'p':
        show(r, SLICE("_"));
        break;
    case 'b':
        show(r, slice_equal(take_hex(r), SLICE("0")) ? SLICE("false") : SLICE("true"));
        break;
    case 'c':
        show_char(r, take_hex(r));
        break;
    default:
        if (letter == '\0' || strchr("hijlmnostaxy", letter) == NULL) {
            r->bad = true;
            return;
        }
        if (accept(r, 'n')) {
            show(r, SLICE("-"));
        }
        show_hex(r, take_hex(r));
        break;
    }
}

static void read_const(struct reader *r)
{
    size_t back = 0;
    if (!enter(r)) {
        return;
    }
    if (!accept(r, 'B')) {
        read_plain_const(r);
    } else if (follow(r, &back)) {
        read_const(r);
        r->at = back;
    }
    leave(r);
}

/* -- Types ---------------------------------------------------------------------------------- */

static struct slice basic_type(char letter)
{
    static const char *const names[] = {
        "i8",    "bool", "char", "f64", "str",  "f32",  NULL,  "u8", "isize",
        "usize", NULL,   "i32",  "u32", "i128", "u128", "_",   NULL, NULL,
        "i16",   "u16",  "()",   "...", NULL,   "i64",  "u64", "!",
    };
    const char *name = letter >= 'a' && letter <= 'z' ? names[letter - 'a'] : NULL;
    return name == NULL ? (struct slice){NULL, 0} : slice_str(name);
}

/* The rest of a list, with commas; its "E" is passed over. Returns how many there were. */
static size_t read_list(struct reader *r, void (*read)(struct reader *r))
{
    size_t count = 0;
    while (is_live(r) && !accept(r, 'E')) {
        show(r, count++ == 0 ? SLICE("") : SLICE(", "));
        read(r);
    }
    return count;
}

static void read_argument(struct reader *r)
{
    if (accept(r, 'L')) {
        show_lifetime(r, take_base62(r));
    } else if (accept(r, 'K')) {
        read_const(r);
    } else {
        read_type(r);
    }
}

static void read_calling_convention(struct reader *r)
{
    bool is_punycode = false;
    show(r, SLICE("extern \""));
    if (accept(r, 'C')) {
        show(r, SLICE("C"));
    } else {
        show_name(r, take_name(r, &is_punycode), is_punycode);
    }
    show(r, SLICE("\" "));
}

static void read_function(struct reader *r)
{
    const uint64_t bound = read_binder(r);
    if (accept(r, 'U')) {
        show(r, SLICE("unsafe "));
    }
    if (accept(r, 'K')) {
        read_calling_convention(r);
    }
    show(r, SLICE("fn("));
    (void)read_list(r, read_type);
    show(r, SLICE(")"));
    if (!accept(r, 'u')) {
        show(r, SLICE(" -> "));
        read_type(r);
    }
    r->lifetimes -= bound;
}

/* A path whose list of arguments may go on. Returns whether it has one, left open. */
static bool read_open_path(struct reader *r)
{
    bool is_open = false;
    size_t back = 0;
    if (!enter(r)) {
        return false;
    }
    if (accept(r, 'B')) {
        if (follow(r, &back)) {
            is_open = read_open_path(r);
            r->at = back;
        }
    } else if (accept(r, 'I')) {
        read_path(r, false);
        show(r, SLICE("<"));
        (void)read_list(r, read_argument);
        is_open = true;
    } else {
        read_path(r, false);
    }
    leave(r);
    return is_open;
}

/* A trait, with the types it is asked to have: Iterator<Item = u8>. */
static void read_trait(struct reader *r)
{
    bool is_open = read_open_path(r);
    bool is_punycode = false;
    while (is_live(r) && accept(r, 'p')) {
        show(r, is_open ? SLICE(", ") : SLICE("<"));
        is_open = true;
        show_name(r, take_name(r, &is_punycode), is_punycode);
        show(r, SLICE(" = "));
        read_type(r);
    }
    if (is_open) {
        show(r, SLICE(">"));
    }
}

static void read_dyn(struct reader *r)
{
    show(r, SLICE("dyn "));
    const uint64_t bound = read_binder(r);
    for (size_t i = 0; is_live(r) && !accept(r, 'E'); i++) {
        show(r, i == 0 ? SLICE("") : SLICE(" + "));
        read_trait(r);
    }
    r->lifetimes -= bound;
    if (!accept(r, 'L')) {
        r->bad = true;
        return;
    }
    const uint64_t lifetime = take_base62(r);
    if (lifetime > 0) {
        show(r, SLICE(" + "));
        show_lifetime(r, lifetime);
    }
}

static void read_reference(struct reader *r, bool is_mutable)
{
    show(r, SLICE("&"));
    const uint64_t lifetime = accept(r, 'L') ? take_base62(r) : 0;
    if (lifetime > 0) {
        show_lifetime(r, lifetime);
        show(r, SLICE(" "));
    }
    show(r, is_mutable ? SLICE("mut ") : SLICE(""));
    read_type(r);
}

static void read_array(struct reader *r, bool has_length)
{
    show(r, SLICE("["));
    read_type(r);
    if (has_length) {
        show(r, SLICE("; "));
        read_const(r);
    }
    show(r, SLICE("]"));
}

static void read_tuple(struct reader *r)
{
    show(r, SLICE("("));
    const size_t count = read_list(r, read_type);
    show(r, count == 1 ? SLICE(",)") : SLICE(")"));
}

static void read_pointer(struct reader *r, struct slice kind)
{
    show(r, kind);
    read_type(r);
}

static void read_other_type(struct reader *r, char letter)
{
    size_t back = 0;
    switch (letter) {
    case 'A':
    case 'S':
        read_array(r, letter == 'A');
        break;
    case 'T':
        read_tuple(r);
        break;
    case 'R':
    case 'Q':
        read_reference(r, letter == 'Q');
        break;
    case 'P':
        read_pointer(r, SLICE("*const "));
        break;
    case 'O':
        read_pointer(r, SLICE("*mut "));
        break;
    case 'F':
        read_function(r);
        break;
    case 'D':
        read_dyn(r);
        break;
    case 'B':
        if (follow(r, &back)) {
            read_type(r);
            r->at = back;
        }
        break;
    default:
        r->at -= r->bad ? 0 : 1;
        read_path(r, false);
        break;
    }
}

static void read_type(struct reader *r)
{
    if (!enter(r)) {
        return;
    }
    const char letter = take(r);
    const struct slice basic = basic_type(letter);
    if (basic.size > 0) {
        show(r, basic);
    } else {
        read_other_type(r, letter);
    }
    leave(r);
}

/* -- Paths ---------------------------------------------------------------------------------- */

/* What belongs to a path but is not shown: where an implementation stands. */
static void pass_path(struct reader *r)
{
    r->silent++;
    (void)take_marked(r, 's');
    read_path(r, false);
    r->silent--;
}

/* <Type>, or <Type as Trait>. */
static void read_implementation(struct reader *r, bool has_trait)
{
    show(r, SLICE("<"));
    read_type(r);
    if (has_trait) {
        show(r, SLICE(" as "));
        read_path(r, false);
    }
    show(r, SLICE(">"));
}

/* What has no name of its own, as a closure, is told by its kind and a number. */
static void read_nested(struct reader *r, bool is_value)
{
    bool is_punycode = false;
    const char space = take(r);
    read_path(r, is_value);
    const uint64_t number = take_marked(r, 's');
    const struct slice name = take_name(r, &is_punycode);
    if (space >= 'a' && space <= 'z') {
        if (name.size > 0) {
            show(r, SLICE("::"));
            show_name(r, name, is_punycode);
        }
        return;
    }
    show(r, SLICE("::{"));
    show(r, space == 'C' ? SLICE("closure") : space == 'S' ? SLICE("shim") : slice_of(&space, 1));
    if (name.size > 0) {
        show(r, SLICE(":"));
        show_name(r, name, is_punycode);
    }
    show(r, SLICE("#"));
    show_number(r, number);
    show(r, SLICE("}"));
}

static void read_generic(struct reader *r, bool is_value)
{
    read_path(r, is_value);
    show(r, is_value ? SLICE("::<") : SLICE("<"));
    (void)read_list(r, read_argument);
    show(r, SLICE(">"));
}

static void read_path(struct reader *r, bool is_value)
{
    size_t back = 0;
    bool is_punycode = false;
    if (!enter(r)) {
        return;
    }
    const char letter = take(r);
    switch (letter) {
    case 'C':
        (void)take_marked(r, 's');
        show_name(r, take_name(r, &is_punycode), is_punycode);
        break;
    case 'M':
    case 'X':
        pass_path(r);
        read_implementation(r, letter == 'X');
        break;
    case 'Y':
        read_implementation(r, true);
        break;
    case 'N':
        read_nested(r, is_value);
        break;
    case 'I':
        read_generic(r, is_value);
        break;
    case 'B':
        if (follow(r, &back)) {
            read_path(r, is_value);
            r->at = back;
        }
        break;
    default:
        r->bad = true;
        break;
    }
    leave(r);
}

bool demangle_rust(struct slice name, char buffer[WASM_NAME_SHOWN_MAX], size_t *out_size)
{
    struct reader reader = {.text = slice_from(name, 2), .out = buffer};
    read_path(&reader, true);
    const bool is_good = !reader.bad || reader.full; /* what is read once it is full is no matter */
    if (!is_good || reader.size == 0) {
        return false;
    }
    *out_size = reader.size;
    return true;
}
