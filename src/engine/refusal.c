/*
 * The validator's complaints, reworded: the one place where text of the engine is read.
 *
 * A complaint is a chain of causes, the innermost last:
 *
 *     WebAssembly translation error
 *
 *     Caused by:
 *         0: Invalid input WebAssembly code at offset 37: type mismatch: expected i32, found i64
 *
 * Only the innermost says something to the author of a module. It may quote names of the module,
 * which are hostile text, and names of our parts, which are nobody's business. The offset stands in
 * front, as above, or at the end: "type mismatch (at offset 0x25)". Whoever knows the module makes
 * a place of it.
 */
#include "engine/codegen.h"

#include <stdio.h>

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice trim(struct slice s)
{
    while (s.size > 0 && is_blank(s.data[0])) {
        s = slice_from(s, 1);
    }
    while (s.size > 0 && is_blank(s.data[s.size - 1])) {
        s.size--;
    }
    return s;
}

/* The last line, without the number that counts causes. */
static struct slice innermost(struct slice complaint)
{
    struct slice line = trim(complaint);
    for (size_t i = line.size; i > 0; i--) {
        if (line.data[i - 1] == '\n') {
            line = trim(slice_from(line, i));
            break;
        }
    }
    size_t digits = 0;
    while (digits < line.size && line.data[digits] >= '0' && line.data[digits] <= '9') {
        digits++;
    }
    if (digits > 0 && digits + 1 < line.size && line.data[digits] == ':') {
        line = trim(slice_from(line, digits + 1));
    }
    return line;
}

/* Takes away what another part has put in front. */
static struct slice without(struct slice s, const char *prefix)
{
    const struct slice p = slice_str(prefix);
    return slice_starts_with(s, p) ? trim(slice_from(s, p.size)) : s;
}

/* Names of parts of ours, and what stands for them; in brackets, so that no new name arises. */
static const struct {
    const char *name;
    const char *word;
} part_names[] = {
    {"wasmtime", "[engine]"},
    {"cranelift", "[compiler]"},
    {"wasmparser", "[validator]"},
};

/* The word for the part named at the start of `s`, and the size of the name. */
static const char *part_name(struct slice s, size_t *out_size)
{
    for (size_t i = 0; i < sizeof part_names / sizeof part_names[0]; i++) {
        const struct slice name = slice_str(part_names[i].name);
        if (slice_starts_with_letters(s, name)) {
            *out_size = name.size;
            return part_names[i].word;
        }
    }
    return NULL;
}

static void copy_plain(struct slice s, char *out, size_t out_size)
{
    size_t used = 0;
    while (s.size > 0 && used + 1 < out_size) {
        size_t taken = 1;
        const char *word = part_name(s, &taken);
        if (word != NULL) {
            const int wanted = snprintf(out + used, out_size - used, "%s", word);
            used += (size_t)wanted < out_size - used ? (size_t)wanted : out_size - used - 1;
        } else {
            const uint8_t c = s.data[0];
            out[used] = c >= 0x20 && c < 0x7f ? (char)c : '?';
            used++;
        }
        s = slice_from(s, taken);
    }
    out[used] = '\0';
}

/* Takes a number off the front of `*s`, in base 10 or 16; false if there is none. */
static bool take_number(struct slice *s, unsigned base, uint64_t *out_number)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t number = 0;
    size_t taken = 0;
    while (taken < s->size) {
        const char *digit = memchr(digits, s->data[taken], base);
        if (digit == NULL || number > (UINT64_MAX >> 8)) {
            break;
        }
        number = number * base + (uint64_t)(digit - digits);
        taken++;
    }
    *s = slice_from(*s, taken);
    *out_number = number;
    return taken > 0;
}

/* "Invalid input WebAssembly code at offset 37: unknown type" */
static bool take_offset_in_front(struct slice *line, uint64_t *out_offset)
{
    const struct slice opening = SLICE("Invalid input WebAssembly code at offset ");
    if (!slice_starts_with(*line, opening)) {
        return false;
    }
    struct slice rest = slice_from(*line, opening.size);
    uint64_t offset = 0;
    if (!take_number(&rest, 10, &offset) || !slice_starts_with(rest, SLICE(":"))) {
        return false;
    }
    *line = trim(slice_from(rest, 1));
    *out_offset = offset;
    return true;
}

/* "unknown type (at offset 0x25)" */
static bool take_offset_at_end(struct slice *line, uint64_t *out_offset)
{
    const struct slice opening = SLICE("(at offset 0x");
    for (size_t at = line->size; at > 0; at--) {
        struct slice rest = slice_from(*line, at - 1);
        if (!slice_starts_with(rest, opening)) {
            continue;
        }
        rest = slice_from(rest, opening.size);
        uint64_t offset = 0;
        if (!take_number(&rest, 16, &offset) || !slice_equal(rest, SLICE(")"))) {
            return false;
        }
        *line = trim(slice_of(line->data, at - 1));
        *out_offset = offset;
        return true;
    }
    return false;
}

struct refusal refusal_read(struct slice complaint)
{
    struct refusal refusal = {.offset = ENGINE_NO_OFFSET};
    struct slice line = without(innermost(complaint), "WebAssembly translation error:");
    if (!take_offset_in_front(&line, &refusal.offset)) {
        (void)take_offset_at_end(&line, &refusal.offset);
    }
    line = without(line, "Unsupported feature:");
    if (line.size == 0) {
        line = SLICE("the compiler gives no reason");
    }
    copy_plain(line, refusal.reason, sizeof refusal.reason);
    return refusal;
}
