/* Charging memory before it is allocated; see account.h. */
#include "base/account.h"

#include "base/memory.h"

#include <inttypes.h>

static bool refuse(struct account *account, enum account_refusal why, uint64_t bytes)
{
    account->refusal = why;
    account->wanted = bytes > UINT64_MAX - account->held ? UINT64_MAX : account->held + bytes;
    return false;
}

/* Takes what is missing up to `held`: whole lumps, or where there are none left, just that. */
static bool take_up_to(struct account *account, uint64_t held)
{
    const struct account_source *source = &account->source;
    const uint64_t missing = held - account->taken;
    uint64_t asked = missing;
    if (missing <= UINT64_MAX - ACCOUNT_LUMP_BYTES) {
        asked = (missing + ACCOUNT_LUMP_BYTES - 1) / ACCOUNT_LUMP_BYTES * ACCOUNT_LUMP_BYTES;
    }
    if (!source->take(source->owner, asked)) {
        asked = missing;
        if (!source->take(source->owner, asked)) {
            return false;
        }
    }
    account->taken += asked;
    return true;
}

bool account_make_room(struct account *account, uint64_t bytes)
{
    if (bytes > account_left(account)) {
        return refuse(account, ACCOUNT_FULL, bytes);
    }
    return take_up_to(account, account->held + bytes) ||
           refuse(account, ACCOUNT_SOURCE_SPENT, bytes);
}

/* Keeps a lump over what is held: who frees and allocates in turn does not ask each time. */
void account_give_spare(struct account *account)
{
    const uint64_t kept = account->held + 2 * ACCOUNT_LUMP_BYTES - 1;
    const uint64_t target = kept / ACCOUNT_LUMP_BYTES * ACCOUNT_LUMP_BYTES;
    if (account->source.give != NULL && account->taken > target) {
        account->source.give(account->source.owner, account->taken - target);
        account->taken = target;
    }
}

bool account_take_beside(struct account *account, uint64_t bytes)
{
    const struct account_source *source = &account->source;
    if (source->take == NULL) {
        return true;
    }
    if (account->taken == 0 && source->take(source->owner, bytes + ACCOUNT_LUMP_BYTES)) {
        account->taken = ACCOUNT_LUMP_BYTES;
        return true;
    }
    return source->take(source->owner, bytes);
}

/* What the machine refuses is no refusal of the account's. */
static void *grow(struct account *account, void *block, size_t old_size, size_t size)
{
    if (!account_charge(account, size - old_size)) {
        return NULL;
    }
    void *moved = mem_realloc(block, size);
    if (moved == NULL) {
        account_release(account, size - old_size);
        account->refusal = ACCOUNT_NOT_REFUSED;
    }
    return moved;
}

static void *shrink(struct account *account, void *block, size_t old_size, size_t size)
{
    void *moved = mem_realloc(block, size);
    if (moved == NULL) {
        account->refusal = ACCOUNT_NOT_REFUSED;
    } else {
        account_release(account, old_size - size);
    }
    return moved;
}

void *account_realloc(struct account *account, void *block, size_t old_size, size_t size)
{
    if (account == NULL) {
        return mem_realloc(block, size);
    }
    return size > old_size ? grow(account, block, old_size, size)
                           : shrink(account, block, old_size, size);
}

void account_free(struct account *account, void *block, size_t size)
{
    if (block == NULL) {
        return;
    }
    mem_free(block);
    if (account != NULL) {
        account_release(account, size);
    }
}

cordon_error *account_error(const struct account *account)
{
    const enum account_refusal why = account == NULL ? ACCOUNT_NOT_REFUSED : account->refusal;
    switch (why) {
    case ACCOUNT_FULL:
        return cordon_error_new(
            CORDON_E_TOO_LARGE,
            "this takes more than the %" PRIu64 " bytes of memory that it may; make it smaller",
            account->held_max);
    case ACCOUNT_SOURCE_SPENT:
        return cordon_error_new(
            CORDON_E_OVERLOADED, "the memory budget that many share is spent; try again later");
    case ACCOUNT_NOT_REFUSED:
        break;
    }
    return error_no_memory();
}
