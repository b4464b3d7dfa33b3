/* Ids of documents; see ids.h. Their text is base32, as the store has it in src/value/id.h. */
#include "cli/ids.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/terminal.h"

enum {
    ID_BYTES = 16,
    CHECKSUM_BYTES = 2,
    TABLE_BYTES_MAX = 5,
    CAPACITY_FIRST = 1024, /* slots */
};

static const unsigned char zero[ID_BYTES];

/* The 16 bytes in front of the checksum; false: it is no text of an id. */
static bool decode(cordon_text text, unsigned char out_id[ID_BYTES])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned char bytes[TABLE_BYTES_MAX + ID_BYTES + CHECKSUM_BYTES] = {0};
    const size_t count = text.size * 5 / 8;
    if (count <= ID_BYTES + CHECKSUM_BYTES || count > sizeof bytes) {
        return false;
    }
    unsigned held = 0;
    unsigned bits = 0;
    size_t done = 0;
    for (size_t i = 0; i < text.size; i++) {
        const char *const digit = memchr(digits, text.data[i], sizeof digits - 1);
        if (digit == NULL) {
            return false;
        }
        held = (held << 5 | (unsigned)(digit - digits)) & 0xfff;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            bytes[done++] = (unsigned char)(held >> bits);
        }
    }
    memcpy(out_id, bytes + count - CHECKSUM_BYTES - ID_BYTES, ID_BYTES);
    return true;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Where the id is, or the free slot where it belongs. */
static unsigned char *find(const struct ids *ids, const unsigned char id[ID_BYTES])
{
    uint64_t halves[2];
    memcpy(halves, id, sizeof halves);
    size_t at = (size_t)mix(mix(halves[0] ^ ids->seed) ^ halves[1]);
    for (;; at++) {
        unsigned char *const slot = ids->slots[at & (ids->capacity - 1)];
        if (memcmp(slot, id, ID_BYTES) == 0 || memcmp(slot, zero, ID_BYTES) == 0) {
            return slot;
        }
    }
}

/* A quarter of the slots stays free. */
static void make_room(struct ids *ids)
{
    if (ids->capacity > 0 && ids->count < ids->capacity / 4 * 3) {
        return;
    }
    struct ids grown = *ids;
    if (grown.capacity == 0 && getentropy(&grown.seed, sizeof grown.seed) != 0) {
        grown.seed = (uint64_t)(uintptr_t)&grown; /* not before the machine has any */
    }
    grown.capacity = ids->capacity == 0 ? CAPACITY_FIRST : ids->capacity * 2;
    grown.slots = calloc(grown.capacity, sizeof *grown.slots);
    if (grown.slots == NULL) {
        exit(terminal_fail(CLI_MACHINE, "out of memory; free some and try again"));
    }
    for (size_t i = 0; i < ids->capacity; i++) {
        if (memcmp(ids->slots[i], zero, ID_BYTES) != 0) {
            memcpy(find(&grown, ids->slots[i]), ids->slots[i], ID_BYTES);
        }
    }
    free(ids->slots);
    *ids = grown;
}

enum ids_answer ids_add(struct ids *ids, cordon_text text)
{
    unsigned char id[ID_BYTES];
    if (!decode(text, id)) {
        return IDS_NONE;
    }
    if (memcmp(id, zero, ID_BYTES) == 0) {
        const bool twice = ids->has_zero;
        ids->has_zero = true;
        return twice ? IDS_TWICE : IDS_NEW;
    }
    make_room(ids);
    unsigned char *const slot = find(ids, id);
    if (memcmp(slot, id, ID_BYTES) == 0) {
        return IDS_TWICE;
    }
    memcpy(slot, id, ID_BYTES);
    ids->count++;
    return IDS_NEW;
}

void ids_done(struct ids *ids)
{
    free(ids->slots);
    *ids = (struct ids){.capacity = 0};
}
