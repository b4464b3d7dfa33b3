/* Growing a history; see history.h. */
#include "history/history.h"

#include "history/grow.h"

void history_init(struct history *history, uint64_t bytes_max)
{
    *history = (struct history){0};
    account_init(&history->account, bytes_max, NULL);
}

void history_done(struct history *history)
{
    struct account *account = &history->account;
    account_free(account, history->txns, history->txn_capacity * sizeof *history->txns);
    account_free(account, history->ops, history->op_capacity * sizeof *history->ops);
    account_free(account, history->items, history->item_capacity * sizeof *history->items);
    history_init(history, account->held_max);
}

void history_clear(struct history *history)
{
    history->txn_count = 0;
    history->op_count = 0;
    history->item_count = 0;
}

cordon_error *history_begin(struct history *history, uint64_t process, uint64_t begin)
{
    TRY(GROW(&history->account, &history->txns, &history->txn_capacity, history->txn_count, 1));
    history->txns[history->txn_count] = (struct history_txn){
        .process = process,
        .begin = begin,
        .end = UINT64_MAX,
        .status = HISTORY_UNKNOWN,
        .first = history->op_count,
    };
    history->txn_count++;
    return NULL;
}

bool history_txn_writes(const struct history *history, const struct history_txn *txn)
{
    for (size_t at = txn->first; at < txn->first + txn->count; at++) {
        if (history_op_writes(&history->ops[at])) {
            return true;
        }
    }
    return false;
}

static cordon_error *add_op(struct history *history, struct history_op op)
{
    CORDON_ASSERT(history->txn_count > 0);
    TRY(GROW(&history->account, &history->ops, &history->op_capacity, history->op_count, 1));
    history->ops[history->op_count] = op;
    history->op_count++;
    history->txns[history->txn_count - 1].count++;
    return NULL;
}

cordon_error *history_append(struct history *history, uint64_t key, uint64_t value)
{
    return add_op(history, (struct history_op){.kind = HISTORY_APPEND, .key = key, .value = value});
}

cordon_error *history_write(struct history *history, uint64_t key, uint64_t value)
{
    return add_op(history, (struct history_op){.kind = HISTORY_WRITE, .key = key, .value = value});
}

cordon_error *history_read(struct history *history, uint64_t key, bool found, uint64_t value)
{
    const struct history_op op = {
        .kind = HISTORY_READ, .key = key, .found = found, .value = found ? value : 0};
    return add_op(history, op);
}

cordon_error *history_remove(struct history *history, uint64_t key)
{
    return add_op(history, (struct history_op){.kind = HISTORY_REMOVE, .key = key});
}

cordon_error *history_miss(struct history *history, uint64_t key, uint64_t group)
{
    CORDON_ASSERT(group < HISTORY_GROUPS);
    return add_op(history, (struct history_op){.kind = HISTORY_MISS, .key = key, .value = group});
}

cordon_error *history_undone(struct history *history, uint64_t key, uint64_t value)
{
    return add_op(history, (struct history_op){.kind = HISTORY_UNDONE, .key = key, .value = value});
}

cordon_error *history_list(struct history *history, uint64_t key)
{
    const struct history_op op = {.kind = HISTORY_LIST, .key = key, .first = history->item_count};
    return add_op(history, op);
}

cordon_error *history_item(struct history *history, uint64_t value)
{
    struct history_op *op = &history->ops[history->op_count - 1];
    CORDON_ASSERT(op->kind == HISTORY_LIST && op->first + op->count == history->item_count);
    TRY(GROW(&history->account, &history->items, &history->item_capacity, history->item_count, 1));
    history->items[history->item_count] = value;
    history->item_count++;
    op->count++;
    return NULL;
}

void history_end(struct history *history, enum history_status status, uint64_t end)
{
    struct history_txn *txn = &history->txns[history->txn_count - 1];
    txn->status = status;
    txn->end = status == HISTORY_UNKNOWN ? UINT64_MAX : end;
}

void history_stamp(struct history *history, uint64_t ts)
{
    struct history_txn *txn = &history->txns[history->txn_count - 1];
    CORDON_ASSERT(txn->status == HISTORY_COMMITTED && ts > 0);
    txn->ts = ts;
}

static cordon_error *copy_op(
    struct history *history, const struct history *other, const struct history_op *op)
{
    struct history_op copy = *op;
    copy.first = history->item_count;
    TRY(GROW(
        &history->account, &history->items, &history->item_capacity, history->item_count,
        op->count));
    for (size_t i = 0; i < op->count; i++) {
        history->items[history->item_count + i] = other->items[op->first + i];
    }
    history->item_count += op->count;
    return add_op(history, copy);
}

cordon_error *history_join(struct history *history, const struct history *other, size_t from)
{
    for (size_t i = from; i < other->txn_count; i++) {
        const struct history_txn *txn = &other->txns[i];
        TRY(history_begin(history, txn->process, txn->begin));
        for (size_t op = 0; op < txn->count; op++) {
            TRY(copy_op(history, other, &other->ops[txn->first + op]));
        }
        history_end(history, txn->status, txn->end);
        history->txns[history->txn_count - 1].ts = txn->ts;
    }
    return NULL;
}
