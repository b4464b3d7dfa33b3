/*
 * A transaction in front of another that writes down every question and answer; see tape.h. A
 * question that is answered later is written once, when it is.
 */
#include "store/tape.h"

#include "base/memory.h"
#include "store/index_set.h"
#include "store/vtable.h"

struct record_scan {
    struct store_scan base;
    struct record_txn *txn;
    struct record_scan *next; /* of the transaction */
    struct store_scan *inner;
    uint64_t number;
};

struct record_txn {
    struct store_txn base;
    struct store_txn *inner;
    struct tape *tape;
    struct record_scan *scans;
};

static struct record_txn *mine(struct store_txn *base)
{
    return (struct record_txn *)base;
}

static cordon_error *written(
    struct record_txn *txn,
    const struct tape_question *question,
    struct tape_answer answer,
    cordon_error *error)
{
    answer.txn_bytes = store_txn_bytes(txn->inner);
    tape_write(txn->tape, question, &answer, error);
    return error;
}

/* -- Calls that may be pending --------------------------------------------------------------- */

static cordon_error *table_find(
    struct store_txn *base,
    struct slice name,
    enum store_step *out_step,
    bool *out_found,
    uint32_t *out_table)
{
    struct record_txn *txn = mine(base);
    cordon_error *error = store_table_find(txn->inner, name, out_step, out_found, out_table);
    if (error == NULL && *out_step == STORE_PENDING) {
        return NULL;
    }
    const struct tape_question question = {.op = TAPE_TABLE_FIND, .text = {name}};
    const bool found = error == NULL && *out_found;
    const struct tape_answer answer = {.found = found, .number = found ? *out_table : 0};
    return written(txn, &question, answer, error);
}

static cordon_error *table_name(
    struct store_txn *base,
    uint32_t table,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_name)
{
    struct record_txn *txn = mine(base);
    cordon_error *error = store_table_name(txn->inner, table, out_step, out_found, out_name);
    if (error == NULL && *out_step == STORE_PENDING) {
        return NULL;
    }
    const struct tape_question question = {.op = TAPE_TABLE_NAME, .number = {table}};
    struct tape_answer answer = {.found = error == NULL && *out_found};
    if (answer.found) {
        answer.text[0] = *out_name;
    }
    return written(txn, &question, answer, error);
}

static cordon_error *table_ensure(
    struct store_txn *base, struct slice name, enum store_step *out_step, uint32_t *out_table)
{
    struct record_txn *txn = mine(base);
    cordon_error *error = store_table_ensure(txn->inner, name, out_step, out_table);
    if (error == NULL && *out_step == STORE_PENDING) {
        return NULL;
    }
    const struct tape_question question = {.op = TAPE_TABLE_ENSURE, .text = {name}};
    const struct tape_answer answer = {.number = error == NULL ? *out_table : 0};
    return written(txn, &question, answer, error);
}

static struct slice id_text(const struct store_id *id)
{
    return slice_of(id->internal, sizeof id->internal);
}

static cordon_error *get(
    struct store_txn *base,
    const struct store_id *id,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_body)
{
    struct record_txn *txn = mine(base);
    cordon_error *error = store_get(txn->inner, id, out_step, out_found, out_body);
    if (error == NULL && *out_step == STORE_PENDING) {
        return NULL;
    }
    const struct tape_question question = {
        .op = TAPE_GET, .number = {id->table}, .text = {id_text(id)}};
    struct tape_answer answer = {.found = error == NULL && *out_found};
    if (answer.found) {
        answer.text[0] = *out_body;
    }
    return written(txn, &question, answer, error);
}

/* On the tape an answer is the row of such a set. */
static cordon_error *write_indexes(const struct store_indexes *indexes, struct buffer *out)
{
    struct index_set *set = NULL;
    TRY(index_set_new(indexes->items, indexes->count, 0, &set));
    cordon_error *error = index_set_write(set, out);
    index_set_free(set);
    return error;
}

static cordon_error *indexes_get(
    struct store_txn *base,
    uint32_t table,
    enum store_step *out_step,
    struct store_indexes *out_indexes)
{
    struct record_txn *txn = mine(base);
    cordon_error *error = store_indexes_get(txn->inner, table, out_step, out_indexes);
    if (error == NULL && *out_step == STORE_PENDING) {
        return NULL;
    }
    CORDON_CLEANUP_BUFFER struct buffer row;
    buffer_init(&row, SIZE_MAX);
    if (error == NULL) {
        error = write_indexes(out_indexes, &row);
    }
    const struct tape_question question = {.op = TAPE_INDEXES, .number = {table}};
    const struct tape_answer answer = {.text = {buffer_slice(&row)}};
    return written(txn, &question, answer, error);
}

static cordon_error *scan_next(
    struct store_scan *base, enum store_step *out_step, bool *out_found, struct slice *out_body)
{
    struct record_scan *scan = (struct record_scan *)base;
    cordon_error *error = store_scan_next(scan->inner, out_step, out_found, out_body);
    base->ready = store_scan_is_ready(scan->inner);
    if (error == NULL && *out_step == STORE_PENDING) {
        return NULL;
    }
    const struct tape_question question = {.op = TAPE_SCAN_NEXT, .number = {scan->number}};
    struct tape_answer answer = {.found = error == NULL && *out_found};
    if (answer.found) {
        answer.text[0] = *out_body;
    }
    return written(scan->txn, &question, answer, error);
}

/* The end of a run is not part of what it asked. */
static cordon_error *commit(
    struct store_txn *base,
    const struct store_commit_facts *facts,
    enum store_step *out_step,
    struct store_commit_result *out_result)
{
    return store_commit(mine(base)->inner, facts, out_step, out_result);
}

static cordon_error *audit_read(
    struct store_txn *base,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record)
{
    return store_audit_read(mine(base)->inner, sequence, out_step, out_found, out_record);
}

/* -- Calls that answer at once --------------------------------------------------------------- */

static uint64_t snapshot(const struct store_txn *txn)
{
    return store_txn_snapshot(((const struct record_txn *)txn)->inner);
}

static void seed(struct store_txn *txn, uint64_t number)
{
    store_txn_seed(((const struct record_txn *)txn)->inner, number);
}

static bool has_writes(const struct store_txn *txn)
{
    return store_txn_has_writes(((const struct record_txn *)txn)->inner);
}

/* The tape is not the run's: a recorded run may hold as much as another. */
static size_t bytes(const struct store_txn *txn)
{
    return store_txn_bytes(((const struct record_txn *)txn)->inner);
}

static cordon_error *put(
    struct store_txn *base, const struct store_id *id, double creation_time, struct slice body)
{
    struct record_txn *txn = mine(base);
    struct tape_question question = {
        .op = TAPE_PUT, .number = {id->table}, .text = {id_text(id), body}};
    memcpy(&question.number[1], &creation_time, sizeof creation_time);
    cordon_error *error = store_put(txn->inner, id, creation_time, body);
    return written(txn, &question, (struct tape_answer){0}, error);
}

static cordon_error *remove_document(
    struct store_txn *base, const struct store_id *id, double creation_time)
{
    struct record_txn *txn = mine(base);
    struct tape_question question = {
        .op = TAPE_REMOVE, .number = {id->table}, .text = {id_text(id)}};
    memcpy(&question.number[1], &creation_time, sizeof creation_time);
    cordon_error *error = store_remove(txn->inner, id, creation_time);
    return written(txn, &question, (struct tape_answer){0}, error);
}

static cordon_error *savepoint(struct store_txn *base, uint64_t *out_point)
{
    struct record_txn *txn = mine(base);
    const struct tape_question question = {.op = TAPE_SAVEPOINT};
    cordon_error *error = store_savepoint(txn->inner, out_point);
    const struct tape_answer answer = {.number = error == NULL ? *out_point : 0};
    return written(txn, &question, answer, error);
}

static cordon_error *rollback(struct store_txn *base, uint64_t point)
{
    struct record_txn *txn = mine(base);
    const struct tape_question question = {.op = TAPE_ROLLBACK, .number = {point}};
    cordon_error *error = store_rollback(txn->inner, point);
    return written(txn, &question, (struct tape_answer){0}, error);
}

/*
 * System rows are the runner's own, before the guest and after it, but for those of
 * KEYSPACE_MODULE, which say what the guest's documents are held against.
 */
static cordon_error *row_get(
    struct store_txn *base,
    enum store_keyspace keyspace,
    struct slice key,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_value)
{
    struct record_txn *txn = mine(base);
    cordon_error *error = store_row_get(txn->inner, keyspace, key, out_step, out_found, out_value);
    if (keyspace != KEYSPACE_MODULE || (error == NULL && *out_step == STORE_PENDING)) {
        return error;
    }
    const struct tape_question question = {.op = TAPE_ROW_GET, .text = {key}};
    struct tape_answer answer = {.found = error == NULL && *out_found};
    if (answer.found) {
        answer.text[0] = *out_value;
    }
    return written(txn, &question, answer, error);
}

static cordon_error *row_next(
    struct store_txn *txn,
    enum store_keyspace keyspace,
    struct slice from,
    bool after,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_key,
    struct slice *out_value)
{
    return store_row_next(
        mine(txn)->inner, keyspace, from, after, out_step, out_found, out_key, out_value);
}

static cordon_error *row_put(
    struct store_txn *txn, enum store_keyspace keyspace, struct slice key, struct slice value)
{
    return store_row_put(mine(txn)->inner, keyspace, key, value);
}

static cordon_error *row_remove(
    struct store_txn *txn, enum store_keyspace keyspace, struct slice key)
{
    return store_row_remove(mine(txn)->inner, keyspace, key);
}

static void free_scan(struct record_scan *scan)
{
    struct record_scan **link = &scan->txn->scans;
    while (*link != scan) {
        link = &(*link)->next;
    }
    *link = scan->next;
    store_scan_close(scan->inner);
    mem_free(scan);
}

static void scan_close(struct store_scan *base)
{
    struct record_scan *scan = (struct record_scan *)base;
    struct record_txn *txn = scan->txn;
    const struct tape_question question = {.op = TAPE_SCAN_CLOSE, .number = {scan->number}};
    free_scan(scan);
    (void)written(txn, &question, (struct tape_answer){0}, NULL);
}

static const struct store_scan_ops scan_ops = {.next = scan_next, .close = scan_close};

static cordon_error *scan_open(
    struct store_txn *base, const struct store_range *range, struct store_scan **out_scan)
{
    struct record_txn *txn = mine(base);
    struct record_scan *scan = MEM_NEW(struct record_scan);
    if (scan == NULL) {
        return error_no_memory();
    }
    const struct tape_question question = tape_scan_question(range);
    cordon_error *error = store_scan_open(txn->inner, range, &scan->inner);
    if (error != NULL) {
        mem_free(scan);
        return written(txn, &question, (struct tape_answer){0}, error);
    }
    scan->base.ops = &scan_ops;
    scan->txn = txn;
    scan->number = txn->tape->next_scan++;
    scan->next = txn->scans;
    txn->scans = scan;
    *out_scan = &scan->base;
    return written(txn, &question, (struct tape_answer){0}, NULL);
}

static void end(struct store_txn *base)
{
    struct record_txn *txn = mine(base);
    while (txn->scans != NULL) {
        free_scan(txn->scans);
    }
    store_end(&txn->inner);
    mem_free(txn);
}

/* Not recorded itself: whoever begins it wraps it as any other. */
static cordon_error *begin_reserved(
    struct store_txn **lost, enum store_step *out_step, struct store_txn **out_txn)
{
    TRY(store_begin_reserved(&mine(*lost)->inner, out_step, out_txn));
    if (*out_step == STORE_DONE) {
        store_end(lost);
    }
    return NULL;
}

static const struct store_txn_ops txn_ops = {
    .begin_reserved = begin_reserved,
    .snapshot = snapshot,
    .seed = seed,
    .has_writes = has_writes,
    .bytes = bytes,
    .end = end,
    .commit = commit,
    .table_find = table_find,
    .table_name = table_name,
    .table_ensure = table_ensure,
    .table_claim = tape_table_claim,
    .table_next = tape_table_next,
    .get = get,
    .put = put,
    .remove = remove_document,
    .savepoint = savepoint,
    .rollback = rollback,
    .scan_open = scan_open,
    .indexes_get = indexes_get,
    .indexes_put = tape_indexes_put,
    .index_work = tape_index_work,
    .row_get = row_get,
    .row_put = row_put,
    .row_remove = row_remove,
    .row_next = row_next,
    .audit_read = audit_read,
};

cordon_error *store_record(struct store_txn **txn, struct tape *tape, struct store_txn **out_txn)
{
    struct record_txn *record = MEM_NEW(struct record_txn);
    if (record == NULL) {
        store_end(txn);
        return error_no_memory();
    }
    record->base.ops = &txn_ops;
    record->inner = CORDON_TAKE(*txn);
    record->tape = tape;
    *out_txn = &record->base;
    const struct tape_question question = {.op = TAPE_BEGIN};
    return written(record, &question, (struct tape_answer){0}, NULL);
}
