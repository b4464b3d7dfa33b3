/*
 * Deciding what came of a call. Several things can have gone wrong at once; the order here says
 * which one is told:
 *
 *   1. what the host stopped the run for, and limits of the engine (fuel, stack)
 *   2. a refused grow before any other failure: the guest died of it
 *   3. a refused read or write before any other failure, likewise
 *   4. the failure itself: the guest's own report, or a trap
 */
#include "run/result.h"

#include "run/resolve.h"
#include "value/id.h"

/* -- Copies --------------------------------------------------------------------------------- */

static void copy_log_lines(struct outcome *outcome, struct host *host)
{
    cordon_error_free(log_lines_flush(&host->log)); /* what does not fit is not kept */
    const struct log_lines *log = &host->log;
    outcome->log_lines = arena_alloc(&outcome->arena, (log->count + 1) * sizeof(struct slice));
    if (outcome->log_lines == NULL) {
        return;
    }
    for (size_t i = 0; i < log->count; i++) {
        outcome->log_lines[i] = arena_copy(&outcome->arena, log->lines[i]);
    }
    outcome->log_line_count = log->count;
}

/* Behind the message, words of the guest's own: any bytes, a NUL among them. */
static void append_words(struct outcome *outcome, struct slice lead, struct slice words)
{
    if (words.size == 0) {
        return;
    }
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, SIZE_MAX);
    cordon_error *error = buffer_append(&text, outcome->message);
    if (error == NULL) {
        error = buffer_append(&text, lead);
    }
    if (error == NULL) {
        error = buffer_append(&text, words);
    }
    if (error == NULL) {
        outcome->message = arena_copy(&outcome->arena, buffer_slice(&text));
    }
    cordon_error_free(error);
}

/* -- Decisions ------------------------------------------------------------------------------ */

static void set_limit(
    struct outcome *outcome, const struct host *host, cordon_limit limit, uint64_t used)
{
    outcome_set_limit(outcome, limit, used, host->options.budget->allowed[limit]);
}

static struct slice error_tail(const struct host *host)
{
    struct slice tail = log_lines_error_tail(&host->log);
    while (tail.size > 0 && tail.data[tail.size - 1] == '\n') {
        tail.size--;
    }
    return tail;
}

/* The data of the guest's own error is told whole, or the call has failed for want of memory. */
static void set_data(struct outcome *outcome, struct slice data)
{
    if (data.size == 0) {
        return;
    }
    outcome->data = arena_copy(&outcome->arena, data);
    if (outcome->data.data == NULL) {
        outcome_set(
            outcome, CORDON_OUTCOME_INTERNAL, "The server is out of memory. Try again later.");
    }
}

/* A limit that the guest was refused, and then failed: true if there was one. */
static bool failed_of_refusal(
    struct outcome *outcome, const struct host *host, const struct engine_call *call)
{
    const struct engine_refused_grow grow = engine_call_refused_grow(call);
    const struct slice own =
        host->stop.code == CORDON_OUTCOME_FAILED ? host->stop.message : error_tail(host);
    if (grow.happened) {
        set_limit(
            outcome, host, grow.is_table ? CORDON_LIMIT_TABLE_ELEMENTS : CORDON_LIMIT_MEMORY_BYTES,
            grow.wanted);
    } else if (host->refused) {
        set_limit(outcome, host, host->refused_limit, host->refused_used);
    } else {
        return false;
    }
    append_words(outcome, SLICE(" The function said: "), own);
    set_data(outcome, host->stop.data);
    return true;
}

static void set_trap(struct outcome *outcome, const struct host *host, struct engine_call *call)
{
    outcome_set(
        outcome, CORDON_OUTCOME_TRAPPED, "The function trapped: %s.", engine_call_trap_text(call));
    append_words(outcome, SLICE(" It had written to standard error: "), error_tail(host));
}

/* A stop of the host's: the guest's own report is the last to be told. */
static void set_stop(
    struct outcome *outcome, const struct host *host, const struct engine_call *call)
{
    if (host->stop.code == CORDON_OUTCOME_LIMIT) {
        set_limit(outcome, host, host->stop.limit, host->options.budget->tripped_used);
        return;
    }
    if (host->stop.code == CORDON_OUTCOME_FAILED && failed_of_refusal(outcome, host, call)) {
        return;
    }
    if (host->stop.code == CORDON_OUTCOME_OVERLOADED) {
        outcome_set_overloaded(outcome, host->stop.message);
        return;
    }
    outcome->code = host->stop.code;
    outcome->message = arena_copy(&outcome->arena, host->stop.message);
    set_data(outcome, host->stop.data);
}

static void set_end(struct outcome *outcome, const struct host *host, struct engine_call *call)
{
    struct budget *budget = host->options.budget;
    switch (engine_call_end(call)) {
    case ENGINE_END_STOPPED:
        set_stop(outcome, host, call);
        return;
    case ENGINE_END_OUT_OF_FUEL:
        budget_trip(budget, CORDON_LIMIT_FUEL, budget->allowed[CORDON_LIMIT_FUEL]);
        set_limit(outcome, host, CORDON_LIMIT_FUEL, budget->allowed[CORDON_LIMIT_FUEL]);
        return;
    case ENGINE_END_STACK_OVERFLOW:
        set_limit(
            outcome, host, CORDON_LIMIT_STACK_BYTES, budget->allowed[CORDON_LIMIT_STACK_BYTES]);
        return;
    case ENGINE_END_NO_HOST_MEMORY:
        outcome_set_overloaded(outcome, SLICE("The server has no memory for this call now."));
        return;
    case ENGINE_END_POOL_FULL:
        outcome_set_overloaded(
            outcome, SLICE("The server has no free instance for this call now."));
        return;
    case ENGINE_END_TRAP:
        if (!failed_of_refusal(outcome, host, call)) {
            set_trap(outcome, host, call);
        }
        return;
    case ENGINE_END_INTERNAL:
        break;
    }
    outcome_set(
        outcome, CORDON_OUTCOME_INTERNAL,
        "The sandbox failed to run the function. Try again, and if it stays so report it with the "
        "request id.");
}

/*
 * Reads the result; what is no value is the function's fault. Its canonical text may be longer
 * than what was written (1e20 is 100000000000000000000), and is held against the limit, too.
 */
static void set_value(
    struct outcome *outcome,
    struct host *host,
    const struct engine_call *call,
    struct arena *arena,
    struct value *out_value)
{
    struct budget *budget = host->options.budget;
    *out_value = value_null();
    outcome->code = CORDON_OUTCOME_SUCCESS;
    const struct slice text = buffer_slice(&host->output);
    if (!host->has_output || slice_equal(text, SLICE("null"))) {
        outcome->value = SLICE("null");
        return;
    }
    CORDON_CLEANUP_BUFFER struct buffer canonical;
    buffer_init_charged(&canonical, SIZE_MAX, arena->account);
    cordon_error *error = value_parse(text, arena, out_value);
    if (error == NULL) {
        error = value_write_encoded(&canonical, out_value);
    }
    if (error == NULL && canonical.size > budget->allowed[CORDON_LIMIT_RESULT_BYTES]) {
        budget_trip(budget, CORDON_LIMIT_RESULT_BYTES, canonical.size);
        set_limit(outcome, host, CORDON_LIMIT_RESULT_BYTES, canonical.size);
        return;
    }
    if (error == NULL) {
        outcome->value = arena_copy(&outcome->arena, buffer_slice(&canonical));
        error = outcome->value.data == NULL ? arena_error(&outcome->arena) : NULL;
    }
    if (error == NULL) {
        return;
    }
    if (host_lacks_memory(host, error)) {
        (void)host_stop_error(host, error);
        set_stop(outcome, host, call);
        return;
    }
    outcome_set(
        outcome, CORDON_OUTCOME_INVALID_RETURN, "The function's result is no value: %s",
        cordon_error_get_message(error));
    cordon_error_free(error);
}

void result_collect(
    struct outcome *outcome,
    struct host *host,
    struct engine_call *call,
    bool returned,
    struct arena *arena,
    struct value *out_value)
{
    *out_value = value_null();
    if (host->stop.code != CORDON_OUTCOME_SUCCESS) {
        set_stop(outcome, host, call);
    } else if (host->stop.exited_well && engine_call_phase(call) == ENGINE_IMPORTING) {
        outcome_set(
            outcome, CORDON_OUTCOME_FAILED,
            "The module ended before its function ran: it called proc_exit(0) in its start section "
            "or in `_initialize`. Only the function itself may end the run.");
    } else if (returned || host->stop.exited_well) {
        set_value(outcome, host, call, arena, out_value);
    } else {
        set_end(outcome, host, call);
    }
    copy_log_lines(outcome, host);
}

cordon_error *result_set_conflict(
    struct outcome *outcome, struct store_txn *txn, const struct store_commit_result *result)
{
    struct slice table = SLICE("a table");
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice name = {0};
    if (result->conflict_table != 0) {
        TRY(store_table_name(txn, result->conflict_table, &step, &found, &name));
        if (step == STORE_DONE && found) {
            table = name;
        }
    }
    char id[DOCUMENT_ID_TEXT_MAX + 1] = "";
    if (result->conflict_has_id) {
        struct document_id document = {.table = result->conflict_table};
        memcpy(document.internal, result->conflict_id, sizeof document.internal);
        (void)document_id_encode(&document, id);
    }
    outcome_set(
        outcome, CORDON_OUTCOME_CONFLICT,
        "Documents read from or written to the \"%.*s\" table changed while this mutation was "
        "being run and on every subsequent retry.%s%s%s A retry is safe.",
        SLICE_FMT(table), id[0] == '\0' ? "" : " Another call changed the document with ID \"", id,
        id[0] == '\0' ? "" : "\".");
    outcome->value = (struct slice){0};
    return NULL;
}
