/* From the guest's end to the outcome: see state.h. */
#include "base/clock.h"
#include "run/audit/audited_call.h"
#include "run/result.h"
#include "run/state.h"
#include "run/tenant/tenant_quota.h"

/*
 * Retries after a conflict, and the wait before them, doubled each time, times a random share. Then
 * come reserved ones, the second for the case that the first read other things than the one before.
 */
#define CONFLICT_RETRIES_MAX 4
#define RESERVED_RETRIES_MAX 2
#define BACKOFF_FIRST_NS ((uint64_t)2000000)
#define BACKOFF_LAST_NS ((uint64_t)200000000)

enum next step_result(struct run *run)
{
    const struct validator *validator = run->function->metadata->returns;
    enum check_verdict verdict = CHECK_GOOD;
    cordon_error *error = NULL;
    if (!validator_is_any(validator)) {
        if (run->txn == NULL) {
            error = run_begin_txn(run);
        }
        if (error == NULL) {
            error = run_check(
                run, validator, &run->result, CORDON_OUTCOME_INVALID_RETURN,
                "ReturnsValidationError: ", &verdict);
        }
    }
    if (error != NULL) {
        return run_finish_error(run, error);
    }
    if (verdict == CHECK_PENDING) {
        return run_wait_for_store(run);
    }
    run_end_result(run);
    if (verdict == CHECK_BAD) {
        run->outcome.value = (struct slice){0};
        return run_leave_guest(run);
    }
    if (!run_is_transactional(run) || run_is_inner(run)) {
        return run_finish(run);
    }
    run->stage = STAGE_COMMIT;
    return NEXT_STEP;
}

static uint64_t draw_backoff_ns(struct run *run)
{
    uint64_t most = BACKOFF_FIRST_NS << (run->attempts - 1);
    if (most > BACKOFF_LAST_NS) {
        most = BACKOFF_LAST_NS;
    }
    uint32_t share = 0;
    random_pool_fill(&run->runner->seeds, &share, sizeof share);
    return most * share / UINT32_MAX;
}

/* From the start, after a while unless that is reserved. */
static enum next begin_again(struct run *run)
{
    store_end(&run->txn);
    if (run->taped != NULL) {
        run->taped->unfit = true; /* unless another attempt begins */
    }
    run->is_unrecorded = false;
    outcome_done(&run->outcome);
    outcome_init(&run->outcome);
    run->outcome.kind = run->function->metadata->kind;
    run->backoff_until_ns = run->lost != NULL ? 0 : clock_monotonic_ns() + draw_backoff_ns(run);
    run->stage = STAGE_BACKOFF;
    return NEXT_STEP;
}

static enum next conflict(struct run *run, const struct store_commit_result *result)
{
    counter_add(run->runner->metrics.conflicts, 1);
    if (run->attempts > CONFLICT_RETRIES_MAX + RESERVED_RETRIES_MAX) {
        cordon_error *error = result_set_conflict(&run->outcome, run->txn, result);
        if (error != NULL) {
            return run_finish_error(run, error);
        }
        return run_finish(run);
    }
    if (run->attempts > CONFLICT_RETRIES_MAX) {
        run->lost = CORDON_TAKE(run->txn);
    }
    return begin_again(run);
}

/* Whether it ended because its snapshot was gone: nobody won over it, so nothing is reserved. */
static bool lost_its_snapshot(const struct run *run)
{
    return run->outcome.code == CORDON_OUTCOME_CONFLICT && run_is_transactional(run) &&
           run->attempts <= CONFLICT_RETRIES_MAX;
}

/* What goes into the commit beside what the guest wrote, at the first of its calls. */
static cordon_error *add_records(struct run *run, bool with_session, struct buffer *audit)
{
    const struct audited_call call = run_audited_call(run);
    TRY(audited_call_write(audit, &run->outcome, &call));
    if (!with_session || run->idempotency_key.size == 0) {
        return NULL;
    }
    uint8_t key[SHA256_BYTES];
    const struct session_call bound = run_session_call(run);
    session_key(run->idempotency_key, key);
    /* No earlier than what is there: by a clock that is behind, it would be forgotten too soon. */
    const uint64_t now_ns = clock_wall_ns();
    const uint64_t newest_ns = store_txn_snapshot(run->txn);
    return session_put(
        run->txn, key, now_ns > newest_ns ? now_ns : newest_ns, &bound, run->outcome.value);
}

/*
 * Commits, or goes on with that. The store keeps what it was given by the first call, and takes no
 * writes from then on.
 */
static cordon_error *submit(
    struct run *run,
    bool is_recorded,
    bool with_session,
    enum store_step *out_step,
    struct store_commit_result *out_result)
{
    CORDON_CLEANUP_BUFFER struct buffer audit;
    buffer_init(&audit, 65536);
    if (is_recorded && !run->is_probe && !run->submitted) {
        TRY(add_records(run, with_session, &audit));
    }
    run->submitted = true;
    const struct store_commit_facts facts = {
        .audit_body = buffer_slice(&audit),
        .quota = run->home == NULL ? NULL : quota_of(run->home),
    };
    return store_commit(run->txn, &facts, out_step, out_result);
}

/* What is on its way to the disk is waited for; where a reserved run comes first, for a moment. */
static enum next wait_for_commit(struct run *run, enum store_step step)
{
    run->wake_at_ns = step == STORE_LATER ? clock_deadline_ns(STORE_LATER_MS) : UINT64_MAX;
    return NEXT_WAIT;
}

/*
 * The documents of its tenant, or its audit log, would be too much: it has failed, as if the guest
 * had. Where it is the log there can be no record of that either. Where it is not known yet, it may
 * come again. What it says was read, so the answer waits as that of any failure.
 */
static enum next refuse_growth(struct run *run, const struct store_commit_result *result)
{
    store_end(&run->txn);
    if (run->taped != NULL) {
        run->taped->unfit = true; /* a replay has no tenant that is full */
    }
    run->outcome.value = (struct slice){0};
    run->is_unrecorded = result->is_uncounted || result->is_audit_full;
    if (result->is_uncounted) {
        outcome_set_overloaded(&run->outcome, SLICE("What its tenant has is yet to be counted."));
    } else {
        outcome_set_limit(
            &run->outcome,
            result->is_audit_full ? CORDON_LIMIT_AUDIT_BYTES : CORDON_LIMIT_TENANT_BYTES,
            result->full_used, result->full_allowed);
    }
    run->stage = STAGE_SETTLE;
    return NEXT_STEP;
}

/* Makes writes visible and durable, with the audit record of a mutation in the same commit. */
enum next step_commit(struct run *run)
{
    enum store_step step = STORE_DONE;
    struct store_commit_result result = {0};
    const bool is_mutation = run->function->metadata->kind == CORDON_MUTATION;
    cordon_error *error = submit(run, is_mutation, true, &step, &result);
    if (error != NULL) {
        return run_finish_error(run, error);
    }
    if (step != STORE_DONE) {
        return wait_for_commit(run, step);
    }
    if (result.conflict) {
        return conflict(run, &result);
    }
    if (result.is_full || result.is_uncounted) {
        return refuse_growth(run, &result);
    }
    run->outcome.ts = result.ts;
    return run_finish(run);
}

/*
 * After a failure, or an answer found, unless it begins again: nothing of the run's own is written
 * but, for a mutation that failed, its record; the answer waits until what it was based on is
 * durable.
 */
enum next step_settle(struct run *run)
{
    enum store_step step = STORE_DONE;
    struct store_commit_result result = {0};
    cordon_error *error = NULL;
    if (run_is_replay(run)) {
        return run_finish(run);
    }
    if (lost_its_snapshot(run)) {
        return begin_again(run);
    }
    if (run->txn == NULL) { /* no part of what the run asks */
        const struct store_wake wake = {run_wake, run};
        error = store_begin(run->runner->options.store, run->tenant, wake, &run->txn);
        run->submitted = false;
    }
    const bool ran = run->outcome.code != CORDON_OUTCOME_SUCCESS &&
                     run->outcome.code != CORDON_OUTCOME_INVALID_ARGUMENTS;
    if (error == NULL) {
        const bool is_mutation = run->function->metadata->kind == CORDON_MUTATION;
        error = submit(run, is_mutation && ran && !run->is_unrecorded, false, &step, &result);
    }
    if (error != NULL) {
        return run_finish_error(run, error);
    }
    if (step != STORE_DONE) {
        return wait_for_commit(run, step);
    }
    if (result.is_full || result.is_uncounted) { /* the record, which is all that it would write */
        return refuse_growth(run, &result);
    }
    run->outcome.ts = result.ts;
    return run_finish(run);
}

enum next step_back_off(struct run *run)
{
    if (atomic_load(&run->cancelled)) {
        return run_finish_with(run, CORDON_OUTCOME_CANCELLED, SLICE("The call was cancelled."));
    }
    if (clock_monotonic_ns() < run->backoff_until_ns) {
        run->wake_at_ns = run->backoff_until_ns;
        return NEXT_WAIT;
    }
    run->stage = STAGE_ADMIT;
    return NEXT_STEP;
}
