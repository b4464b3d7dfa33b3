/* The memory of connections in the budget of the process; see charge.h. */
#include "http/charge.h"

/* -- Purse ---------------------------------------------------------------------------------- */

void purse_init(struct purse *purse, struct runner *runner)
{
    *purse =
        (struct purse){.runner = runner, .bytes = {.total = runner_get_memory_bytes(runner) / 2}};
}

static bool purse_take(struct purse *purse, atomic_ullong *owner, uint64_t bytes)
{
    if (!shared_take(&purse->bytes, owner, bytes, runner_get_share_percent(purse->runner))) {
        return false;
    }
    if (runner_take_memory(purse->runner, bytes)) {
        return true;
    }
    shared_give(&purse->bytes, owner, bytes);
    return false;
}

static void purse_give(struct purse *purse, atomic_ullong *owner, uint64_t bytes)
{
    runner_give_memory(purse->runner, bytes);
    shared_give(&purse->bytes, owner, bytes);
}

/* -- Charges -------------------------------------------------------------------------------- */

/* Of so many bytes, those that are not free. */
static uint64_t beyond(const struct charge *charge, uint64_t bytes)
{
    return bytes > charge->free_bytes ? bytes - charge->free_bytes : 0;
}

static bool take(void *owner, uint64_t bytes)
{
    struct charge *charge = owner;
    if (bytes > UINT64_MAX - charge->taken) {
        return false;
    }
    const uint64_t more = beyond(charge, charge->taken + bytes) - beyond(charge, charge->taken);
    if (more > 0 && !purse_take(charge->purse, charge->owner, more)) {
        return false;
    }
    charge->taken += bytes;
    return true;
}

static void give(void *owner, uint64_t bytes)
{
    struct charge *charge = owner;
    CORDON_ASSERT(bytes <= charge->taken);
    const uint64_t less = beyond(charge, charge->taken) - beyond(charge, charge->taken - bytes);
    charge->taken -= bytes;
    if (less > 0) {
        purse_give(charge->purse, charge->owner, less);
    }
}

void charge_init(struct charge *charge, struct purse *purse, uint64_t free_bytes)
{
    *charge = (struct charge){.purse = purse, .owner = &purse->of_nobody, .free_bytes = free_bytes};
    const struct account_source source = {take, give, charge};
    account_init(&charge->account, UINT64_MAX, &source);
}

void charge_pass(struct charge *charge, atomic_ullong *owner)
{
    const uint64_t bytes = beyond(charge, charge->taken);
    if (bytes > 0 && owner != charge->owner) { /* most have nothing, and share no line of memory */
        (void)atomic_fetch_add(owner, bytes);
        (void)atomic_fetch_sub(charge->owner, bytes);
    }
    charge->owner = owner;
}

void charge_done(struct charge *charge)
{
    CORDON_ASSERT(charge->account.held == 0);
    give(charge, charge->taken);
}
