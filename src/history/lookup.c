/* A hash table of pairs of numbers; see lookup.h. */
#include "history/lookup.h"

#include "base/hash.h"
#include "base/random.h"

void lookup_init(struct lookup *lookup, struct account *account)
{
    *lookup = (struct lookup){.account = account};
    random_system(&lookup->seed, sizeof lookup->seed);
}

void lookup_done(struct lookup *lookup)
{
    account_free(lookup->account, lookup->slots, lookup->slot_count * sizeof *lookup->slots);
    *lookup = (struct lookup){0};
}

/* Where the pair is, or the free slot where it belongs. */
static struct lookup_slot *slot_of(const struct lookup *lookup, uint64_t first, uint64_t second)
{
    const uint64_t pair[2] = {first, second};
    size_t at = (size_t)hash_fast(slice_of(pair, sizeof pair), lookup->seed);
    for (;; at++) {
        struct lookup_slot *slot = &lookup->slots[at & (lookup->slot_count - 1)];
        if (slot->place == LOOKUP_NONE || (slot->first == first && slot->second == second)) {
            return slot;
        }
    }
}

uint32_t lookup_find(const struct lookup *lookup, uint64_t first, uint64_t second)
{
    return lookup->slot_count == 0 ? LOOKUP_NONE : slot_of(lookup, first, second)->place;
}

static cordon_error *make_room(struct lookup *lookup)
{
    struct lookup wider = *lookup;
    wider.slot_count = lookup->slot_count == 0 ? 64 : 2 * lookup->slot_count;
    wider.slots = account_realloc(lookup->account, NULL, 0, wider.slot_count * sizeof *wider.slots);
    if (wider.slots == NULL) {
        return account_error(lookup->account);
    }
    for (size_t i = 0; i < wider.slot_count; i++) {
        wider.slots[i] = (struct lookup_slot){.place = LOOKUP_NONE};
    }
    for (size_t i = 0; i < lookup->slot_count; i++) {
        const struct lookup_slot *old = &lookup->slots[i];
        if (old->place != LOOKUP_NONE) {
            *slot_of(&wider, old->first, old->second) = *old;
        }
    }
    account_free(lookup->account, lookup->slots, lookup->slot_count * sizeof *lookup->slots);
    *lookup = wider;
    return NULL;
}

cordon_error *lookup_add(struct lookup *lookup, uint64_t first, uint64_t second, uint32_t place)
{
    if (2 * (lookup->used + 1) > lookup->slot_count) {
        TRY(make_room(lookup));
    }
    *slot_of(lookup, first, second) = (struct lookup_slot){first, second, place};
    lookup->used++;
    return NULL;
}
