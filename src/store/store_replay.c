/* A transaction without a store, which answers from a tape; see tape.h. */
#include "store/tape.h"

#include "base/memory.h"
#include "store/index_set.h"
#include "store/vtable.h"

struct replay_scan {
    struct store_scan base;
    struct replay_txn *txn;
    struct replay_scan *next; /* of the transaction */
    uint64_t number;
};

struct replay_txn {
    struct store_txn base;
    struct tape_player *player;
    struct replay_scan *scans;
    struct index_set *sets; /* that were answered */
    bool has_writes;
};

static struct replay_txn *mine(struct store_txn *base)
{
    return (struct replay_txn *)base;
}

/* The step of a question, and its answer if there is one. */
static cordon_error *ask(
    struct replay_txn *txn,
    const struct tape_question *question,
    enum store_step *out_step,
    struct tape_answer *out_answer)
{
    if (tape_waits(txn->player)) {
        *out_step = STORE_PENDING;
        return NULL;
    }
    TRY(tape_play(txn->player, question, out_answer));
    *out_step = STORE_DONE;
    return NULL;
}

/* -- Questions ------------------------------------------------------------------------------- */

static cordon_error *table_find(
    struct store_txn *base,
    struct slice name,
    enum store_step *out_step,
    bool *out_found,
    uint32_t *out_table)
{
    const struct tape_question question = {.op = TAPE_TABLE_FIND, .text = {name}};
    struct tape_answer answer = {0};
    TRY(ask(mine(base), &question, out_step, &answer));
    *out_found = answer.found;
    *out_table = (uint32_t)answer.number;
    return NULL;
}

static cordon_error *table_name(
    struct store_txn *base,
    uint32_t table,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_name)
{
    const struct tape_question question = {.op = TAPE_TABLE_NAME, .number = {table}};
    struct tape_answer answer = {0};
    TRY(ask(mine(base), &question, out_step, &answer));
    *out_found = answer.found;
    *out_name = answer.text[0];
    return NULL;
}

static cordon_error *table_ensure(
    struct store_txn *base, struct slice name, enum store_step *out_step, uint32_t *out_table)
{
    const struct tape_question question = {.op = TAPE_TABLE_ENSURE, .text = {name}};
    struct tape_answer answer = {0};
    TRY(ask(mine(base), &question, out_step, &answer));
    *out_table = (uint32_t)answer.number;
    return NULL;
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
    const struct tape_question question = {
        .op = TAPE_GET, .number = {id->table}, .text = {id_text(id)}};
    struct tape_answer answer = {0};
    TRY(ask(mine(base), &question, out_step, &answer));
    *out_found = answer.found;
    *out_body = answer.text[0];
    return NULL;
}

/* The sets that were answered live as long as the transaction. */
static cordon_error *indexes_get(
    struct store_txn *base,
    uint32_t table,
    enum store_step *out_step,
    struct store_indexes *out_indexes)
{
    struct replay_txn *txn = mine(base);
    const struct tape_question question = {.op = TAPE_INDEXES, .number = {table}};
    struct tape_answer answer = {0};
    struct index_set *set = NULL;
    TRY(ask(txn, &question, out_step, &answer));
    if (*out_step == STORE_PENDING) {
        return NULL;
    }
    TRY(index_set_read(answer.text[0], &set));
    set->older = txn->sets;
    txn->sets = set;
    *out_indexes = (struct store_indexes){set->items, set->count};
    return NULL;
}

static cordon_error *scan_next(
    struct store_scan *base, enum store_step *out_step, bool *out_found, struct slice *out_body)
{
    struct replay_scan *scan = (struct replay_scan *)base;
    const struct tape_question question = {.op = TAPE_SCAN_NEXT, .number = {scan->number}};
    struct tape_answer answer = {0};
    TRY(ask(scan->txn, &question, out_step, &answer));
    *out_found = answer.found;
    *out_body = answer.text[0];
    return NULL;
}

static cordon_error *change(
    struct replay_txn *txn,
    enum tape_op op,
    const struct store_id *id,
    double creation_time,
    struct slice body)
{
    struct tape_question question = {.op = op, .number = {id->table}, .text = {id_text(id), body}};
    memcpy(&question.number[1], &creation_time, sizeof creation_time);
    struct tape_answer answer = {0};
    txn->has_writes = true;
    return tape_play(txn->player, &question, &answer);
}

static cordon_error *put(
    struct store_txn *base, const struct store_id *id, double creation_time, struct slice body)
{
    return change(mine(base), TAPE_PUT, id, creation_time, body);
}

static cordon_error *remove_document(
    struct store_txn *base, const struct store_id *id, double creation_time)
{
    return change(mine(base), TAPE_REMOVE, id, creation_time, (struct slice){0});
}

static void free_scan(struct replay_scan *scan)
{
    struct replay_scan **link = &scan->txn->scans;
    while (*link != scan) {
        link = &(*link)->next;
    }
    *link = scan->next;
    mem_free(scan);
}

/* Closing has no answer: a divergence is found with the next question, or at the end. */
static void scan_close(struct store_scan *base)
{
    struct replay_scan *scan = (struct replay_scan *)base;
    const struct tape_question question = {.op = TAPE_SCAN_CLOSE, .number = {scan->number}};
    struct tape_answer answer = {0};
    cordon_error_free(tape_play(scan->txn->player, &question, &answer));
    free_scan(scan);
}

static const struct store_scan_ops scan_ops = {.next = scan_next, .close = scan_close};

static cordon_error *scan_open(
    struct store_txn *base, const struct store_range *range, struct store_scan **out_scan)
{
    struct replay_txn *txn = mine(base);
    const struct tape_question question = tape_scan_question(range);
    struct tape_answer answer = {0};
    TRY(tape_play(txn->player, &question, &answer));
    struct replay_scan *scan = MEM_NEW(struct replay_scan);
    if (scan == NULL) {
        return error_no_memory();
    }
    scan->base.ops = &scan_ops;
    scan->txn = txn;
    scan->number = txn->player->next_scan++;
    scan->next = txn->scans;
    txn->scans = scan;
    *out_scan = &scan->base;
    return NULL;
}

static cordon_error *savepoint(struct store_txn *base, uint64_t *out_point)
{
    const struct tape_question question = {.op = TAPE_SAVEPOINT};
    struct tape_answer answer = {0};
    TRY(tape_play(mine(base)->player, &question, &answer));
    *out_point = answer.number;
    return NULL;
}

static cordon_error *rollback(struct store_txn *base, uint64_t point)
{
    const struct tape_question question = {.op = TAPE_ROLLBACK, .number = {point}};
    struct tape_answer answer = {0};
    return tape_play(mine(base)->player, &question, &answer);
}

/* -- What has no question -------------------------------------------------------------------- */

static uint64_t snapshot(const struct store_txn *txn)
{
    (void)txn;
    return 0;
}

static bool has_writes(const struct store_txn *txn)
{
    return ((const struct replay_txn *)txn)->has_writes;
}

static size_t bytes(const struct store_txn *txn)
{
    return ((const struct replay_txn *)txn)->player->txn_bytes;
}

static cordon_error *commit(
    struct store_txn *txn,
    const struct store_commit_facts *facts,
    enum store_step *out_step,
    struct store_commit_result *out_result)
{
    (void)txn;
    (void)facts;
    *out_step = STORE_DONE;
    *out_result = (struct store_commit_result){0};
    return NULL;
}

static cordon_error *row_get(
    struct store_txn *base,
    enum store_keyspace keyspace,
    struct slice key,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_value)
{
    struct tape_answer answer = {0};
    *out_step = STORE_DONE;
    if (keyspace == KEYSPACE_MODULE) {
        const struct tape_question question = {.op = TAPE_ROW_GET, .text = {key}};
        TRY(ask(mine(base), &question, out_step, &answer));
    }
    *out_found = answer.found;
    *out_value = answer.text[0];
    return NULL;
}

static cordon_error *row_put(
    struct store_txn *txn, enum store_keyspace keyspace, struct slice key, struct slice value)
{
    (void)txn;
    (void)keyspace;
    (void)key;
    (void)value;
    return NULL;
}

static cordon_error *row_remove(
    struct store_txn *txn, enum store_keyspace keyspace, struct slice key)
{
    return row_put(txn, keyspace, key, key);
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
    (void)after;
    *out_key = (struct slice){0};
    return row_get(txn, keyspace, from, out_step, out_found, out_value);
}

static cordon_error *audit_read(
    struct store_txn *txn,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record)
{
    (void)txn;
    (void)sequence;
    *out_step = STORE_DONE;
    *out_found = false;
    *out_record = (struct audit_record){0};
    return NULL;
}

static void end(struct store_txn *base)
{
    struct replay_txn *txn = mine(base);
    while (txn->scans != NULL) {
        free_scan(txn->scans);
    }
    index_set_free(txn->sets);
    mem_free(txn);
}

/* A replay has no conflicts. */
static cordon_error *begin_reserved(
    struct store_txn **lost, enum store_step *out_step, struct store_txn **out_txn)
{
    (void)lost;
    (void)out_step;
    (void)out_txn;
    return cordon_error_new(CORDON_E_INVALID, "a replay loses no conflict");
}

static const struct store_txn_ops txn_ops = {
    .begin_reserved = begin_reserved,
    .snapshot = snapshot,
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

cordon_error *store_replay(struct tape_player *player, struct store_txn **out_txn)
{
    const struct tape_question question = {.op = TAPE_BEGIN};
    struct tape_answer answer = {0};
    TRY(tape_play(player, &question, &answer));
    struct replay_txn *txn = MEM_NEW(struct replay_txn);
    if (txn == NULL) {
        return error_no_memory();
    }
    txn->base.ops = &txn_ops;
    txn->player = player;
    *out_txn = &txn->base;
    return NULL;
}
