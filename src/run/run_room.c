/*
 * What a run takes of what all runs share, and gives back: memory, of its guest and of its request,
 * and a slot.
 */
#include "run/state.h"

/* -- Memory --------------------------------------------------------------------------------- */

/* A probe's is its own: that tenants have all there is says nothing of the server's health. */
static bool take_memory(void *owner, uint64_t bytes)
{
    struct run *run = owner;
    struct runner *runner = run->runner;
    return run->is_probe ||
           shared_take(
               &runner->memory, &run->usage->memory, bytes, atomic_load(&runner->share_percent));
}

void run_give_tenant_memory(struct run *run, uint64_t bytes)
{
    if (!run->is_probe) {
        shared_give(&run->runner->memory, &run->usage->memory, bytes);
    }
}

static void give_memory(void *owner, uint64_t bytes)
{
    run_give_tenant_memory(owner, bytes);
}

struct account_source run_tenant_memory(struct run *run)
{
    return (struct account_source){take_memory, give_memory, run};
}

static bool take_process_memory(void *runner, uint64_t bytes)
{
    return runner_take_memory(runner, bytes);
}

static void give_process_memory(void *runner, uint64_t bytes)
{
    runner_give_memory(runner, bytes);
}

struct account_source run_process_memory(struct runner *runner)
{
    return (struct account_source){take_process_memory, give_process_memory, runner};
}

bool run_takes_memory(void *owner, uint64_t bytes)
{
    struct run *run = owner;
    if (!take_memory(run, bytes)) {
        return false;
    }
    run->memory_taken += bytes;
    return true;
}

void run_gives_memory(void *owner, uint64_t bytes)
{
    struct run *run = owner;
    CORDON_ASSERT(run->memory_taken >= bytes);
    run->memory_taken -= bytes;
    run_give_tenant_memory(run, bytes);
}

void run_settle_memory(struct run *run)
{
    if (run->account.held == 0) {
        run->account.taken = 0;
    }
    if (run->memory_taken > run->account.taken) {
        run_gives_memory(run, run->memory_taken - run->account.taken);
    }
}

/* -- The request ---------------------------------------------------------------------------- */

void run_open_request(struct run *run)
{
    const struct account_source memory = run_tenant_memory(run);
    account_init(&run->request, UINT64_MAX, &memory);
    run->request.taken = ACCOUNT_LUMP_BYTES;
    arena_init_charged(&run->arena, &run->request);
}

static void give_request_memory(struct run *run)
{
    if (run->request.source.give != NULL && run->request.taken > ACCOUNT_LUMP_BYTES) {
        run_give_tenant_memory(run, run->request.taken - ACCOUNT_LUMP_BYTES);
    }
}

void run_close_request(struct run *run)
{
    arena_done(&run->arena);
    give_request_memory(run);
}

void run_leave_memory(struct run *run)
{
    give_request_memory(run);
    account_leave_source(&run->request);
    run_tape_leave_memory(run);
}

/* -- Slots ---------------------------------------------------------------------------------- */

/* What a tenant has of the slots of that sort. */
static atomic_ullong *own_slots(const struct run *run, const struct shared *slots)
{
    return slots == &run->runner->slots ? &run->usage->slots : &run->usage->nested_slots;
}

static bool take_slot_of(struct run *run, struct shared *slots)
{
    const uint32_t percent = atomic_load(&run->runner->share_percent);
    if (!shared_take(slots, own_slots(run, slots), 1, percent)) {
        return false;
    }
    run->slot = slots;
    return true;
}

/* Calls of actions have some for themselves. */
void run_take_slot(struct run *run)
{
    struct runner *runner = run->runner;
    if (run->background || run->is_probe ||
        (run->depth > 1 && take_slot_of(run, &runner->nested_slots)) ||
        take_slot_of(run, &runner->slots)) {
        return;
    }
    (void)run_refuse(run, RUN_REJECTED_NO_SLOT);
}

void run_give_slot(struct run *run)
{
    if (run->slot != NULL) {
        shared_give(run->slot, own_slots(run, run->slot), 1);
        run->slot = NULL;
    }
}
