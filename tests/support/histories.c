/* Making, changing and spoiling histories; see histories.h. */
#include "support/histories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_IN_USE = 6, WRITES_PER_KEY = 12, OPS_MAX = 5, KEY_PLANTED = 1000000 };

/* An error here is the test's own fault. */
static void ok(cordon_error *error)
{
    if (error != NULL) {
        (void)fprintf(stderr, "%s\n", cordon_error_get_message(error));
        abort();
    }
}

void histories_init(struct histories *histories, uint64_t seed)
{
    uint8_t bytes[RANDOM_SEED_BYTES] = {0};
    memcpy(bytes, &seed, sizeof seed);
    *histories = (struct histories){.next_value = 1, .next_key = KEY_PLANTED};
    random_stream_init(&histories->random, bytes, 0);
}

uint64_t histories_draw(struct histories *histories, uint64_t below)
{
    uint64_t number = 0;
    random_stream_fill(&histories->random, &number, sizeof number);
    return number % below;
}

/* -- Correct ones ------------------------------------------------------------------------------ */

/* What one key holds; even keys are lists, odd ones registers, of which the last value counts. */
struct cell {
    uint64_t key;
    uint64_t values[2 * WRITES_PER_KEY];
    size_t count;
    bool removed; /* of a register: there is no value now */
};

struct executor {
    struct histories *histories;
    struct history *history;
    struct cell cells[KEYS_IN_USE];
    uint64_t next_key;
    bool stamped; /* with their moments as timestamps */
};

static bool has_value(const struct cell *cell)
{
    return cell->count > 0 && !cell->removed;
}

static void read_cell(struct executor *executor, const struct cell *cell)
{
    if (cell->key % 2 == 1) {
        const bool found = has_value(cell);
        ok(history_read(
            executor->history, cell->key, found, found ? cell->values[cell->count - 1] : 0));
        return;
    }
    ok(history_list(executor->history, cell->key));
    for (size_t i = 0; i < cell->count; i++) {
        ok(history_item(executor->history, cell->values[i]));
    }
}

static void write_cell(struct executor *executor, struct cell *cell)
{
    const uint64_t value = executor->histories->next_value++;
    cell->values[cell->count++] = value;
    cell->removed = false;
    if (cell->key % 2 == 1) {
        ok(history_write(executor->history, cell->key, value));
    } else {
        ok(history_append(executor->history, cell->key, value));
    }
}

/* Looks for a register among those of a group, removes it, or takes back what is written. */
static void do_other(struct executor *executor, struct cell *cell)
{
    struct histories *const histories = executor->histories;
    const uint64_t choice = histories_draw(histories, 3);
    if (choice == 0) {
        ok(history_undone(executor->history, cell->key, histories->next_value++));
    } else if (cell->key % 2 == 0) {
        read_cell(executor, cell);
    } else if (choice == 1) {
        const uint64_t group = histories_draw(histories, HISTORY_GROUPS);
        if (has_value(cell) && history_group(cell->values[cell->count - 1]) == group) {
            read_cell(executor, cell);
        } else {
            ok(history_miss(executor->history, cell->key, group));
        }
    } else if (has_value(cell)) {
        cell->removed = true;
        ok(history_remove(executor->history, cell->key));
    }
}

/* A key that was written to often enough gives its place to the next of its kind. */
static void retire_cells(struct executor *executor)
{
    for (size_t i = 0; i < KEYS_IN_USE; i++) {
        struct cell *const cell = &executor->cells[i];
        if (cell->count >= WRITES_PER_KEY) {
            executor->next_key += 2;
            *cell = (struct cell){.key = executor->next_key + cell->key % 2};
        }
    }
}

static void do_ops(struct executor *executor)
{
    for (uint64_t left = 1 + histories_draw(executor->histories, OPS_MAX); left > 0; left--) {
        struct cell *const cell =
            &executor->cells[histories_draw(executor->histories, KEYS_IN_USE)];
        const uint64_t choice = histories_draw(executor->histories, 5);
        if (choice < 2) {
            read_cell(executor, cell);
        } else if (choice == 2) {
            do_other(executor, cell);
        } else {
            write_cell(executor, cell);
        }
    }
}

/* One transaction at one moment, of which its beginning and end lie a little to either side. */
static void do_txn(struct executor *executor, uint64_t moment, size_t processes)
{
    struct histories *const histories = executor->histories;
    struct cell before[KEYS_IN_USE];
    const uint64_t reach = 10 * processes;
    const uint64_t choice = histories_draw(histories, 20);
    memcpy(before, executor->cells, sizeof before);
    ok(history_begin(
        executor->history, histories_draw(histories, processes),
        moment - histories_draw(histories, reach)));
    do_ops(executor);
    const uint64_t end = moment + histories_draw(histories, reach);
    if (choice < 2) {
        history_end(executor->history, HISTORY_ABORTED, end);
        memcpy(executor->cells, before, sizeof before);
    } else if (choice == 2) {
        history_end(executor->history, HISTORY_UNKNOWN, 0);
        if (histories_draw(histories, 2) == 0) {
            memcpy(executor->cells, before, sizeof before);
        }
    } else {
        history_end(executor->history, HISTORY_COMMITTED, end);
        if (executor->stamped) {
            history_stamp(executor->history, moment);
        }
    }
}

void histories_make(
    struct histories *histories, struct history *history, size_t count, size_t processes)
{
    struct executor executor = {
        .histories = histories,
        .history = history,
        .next_key = KEYS_IN_USE,
        .stamped = histories_draw(histories, 2) == 0,
    };
    for (size_t i = 0; i < KEYS_IN_USE; i++) {
        executor.cells[i].key = i;
    }
    for (size_t i = 0; i < count; i++) {
        do_txn(&executor, 1000 * processes + 10 * i, processes);
        retire_cells(&executor);
    }
}

/* -- Changes ----------------------------------------------------------------------------------- */

static void change_order(struct histories *histories, struct history *history)
{
    for (size_t i = history->txn_count; i > 1; i--) {
        const size_t other = (size_t)histories_draw(histories, i);
        const struct history_txn txn = history->txns[i - 1];
        history->txns[i - 1] = history->txns[other];
        history->txns[other] = txn;
    }
}

static void change_times(struct histories *histories, struct history *history)
{
    for (size_t i = 0; i < history->txn_count; i++) {
        struct history_txn *const txn = &history->txns[i];
        txn->begin -= histories_draw(histories, txn->begin < 100 ? txn->begin + 1 : 100);
        txn->end += txn->end == UINT64_MAX ? 0 : histories_draw(histories, 100);
    }
}

/* Odd factors are bijections of 64-bit numbers. */
static void change_names(struct history *history)
{
    const uint64_t key_factor = 0x9e3779b97f4a7c15;
    const uint64_t value_factor = 0xbf58476d1ce4e5b9;
    for (size_t i = 0; i < history->op_count; i++) {
        struct history_op *const op = &history->ops[i];
        op->key *= key_factor;
        op->value *= value_factor;
        if (op->kind == HISTORY_MISS) {
            op->value = history_group(op->value);
        }
    }
    for (size_t i = 0; i < history->item_count; i++) {
        history->items[i] *= value_factor;
    }
}

static bool is_read(const struct history_op *op)
{
    return op->kind == HISTORY_LIST || op->kind == HISTORY_READ || op->kind == HISTORY_MISS;
}

static void change_reads(struct histories *histories, struct history *history)
{
    for (size_t i = 0; i < history->txn_count; i++) {
        struct history_txn *const txn = &history->txns[i];
        size_t kept = 0;
        for (size_t at = 0; at < txn->count; at++) {
            const struct history_op op = history->ops[txn->first + at];
            if (!is_read(&op) || histories_draw(histories, 4) != 0) {
                history->ops[txn->first + kept++] = op;
            }
        }
        txn->count = kept;
    }
}

static void change_outcomes(struct histories *histories, struct history *history)
{
    for (size_t i = 0; i < history->txn_count; i++) {
        struct history_txn *const txn = &history->txns[i];
        if (txn->status == HISTORY_COMMITTED && histories_draw(histories, 8) == 0) {
            txn->status = HISTORY_UNKNOWN;
            txn->end = UINT64_MAX;
            txn->ts = 0;
        }
    }
}

void histories_change(
    struct histories *histories, struct history *history, enum histories_change change)
{
    switch (change) {
    case CHANGE_ORDER:
        change_order(histories, history);
        return;
    case CHANGE_TIMES:
        change_times(histories, history);
        return;
    case CHANGE_NAMES:
        change_names(history);
        return;
    case CHANGE_READS:
        change_reads(histories, history);
        return;
    case CHANGE_OUTCOMES:
        change_outcomes(histories, history);
        return;
    case CHANGE_COUNT:
        return;
    }
}

/* -- Anomalies --------------------------------------------------------------------------------- */

/*
 * An anomaly as a text of transactions: `begin-end status operations;`. The status may be followed
 * by `@` and a timestamp. Operations are aK=V
 * (append), lK=V,V (list), wK=V (write), rK=V (read, V 0 for nothing), dK=0 (remove), mK=V (missed
 * in the group of V), uK=V (undone). Keys, values and times are small here and moved to where they
 * meet no others.
 */
static const struct {
    enum history_anomaly anomaly;
    enum history_anomaly also;
    const char *text;
} plans[] = {
    {HISTORY_G0, HISTORY_ANOMALY_COUNT, "0-9 c a0=1 a1=2;0-9 c a0=3 a1=4;0-9 c l0=1,3 l1=4,2;"},
    {HISTORY_G1A, HISTORY_ANOMALY_COUNT, "0-9 a a0=1;0-9 c l0=1;"},
    {HISTORY_G1A, HISTORY_ANOMALY_COUNT, "0-9 a w0=1;0-9 c r0=1;"},
    {HISTORY_G1A, HISTORY_ANOMALY_COUNT, "0-9 c u0=1;0-9 c r0=1;"},
    {HISTORY_G1A, HISTORY_ANOMALY_COUNT, "0-9 c u0=1 r0=1;"},
    {HISTORY_G1A, HISTORY_ANOMALY_COUNT, "0-9 c a0=2 u0=1;0-9 c l0=2,1;"},
    {HISTORY_G1B, HISTORY_G_SINGLE, "0-9 c a0=1 a0=2;0-9 c l0=1;0-9 c l0=1,2;"},
    {HISTORY_G1B, HISTORY_ANOMALY_COUNT, "0-9 c w0=1 w0=2;0-9 c r0=1;"},
    {HISTORY_G1C, HISTORY_ANOMALY_COUNT, "0-9 c a0=1 l1=2;0-9 c l0=1 a1=2;"},
    {HISTORY_G1C, HISTORY_ANOMALY_COUNT, "0-9 c w0=1 r1=2;0-9 c r0=1 w1=2;"},
    {HISTORY_G1C, HISTORY_ANOMALY_COUNT, "0-9 c r0=2 w0=1;0-9 c r0=1 w0=2;"},
    {HISTORY_G_SINGLE, HISTORY_ANOMALY_COUNT, "0-9 c l0= l1=2;0-9 c a0=1 a1=2;0-9 c l0=1;"},
    {HISTORY_G_SINGLE, HISTORY_ANOMALY_COUNT, "0-9 c r0=0 r1=2;0-9 c w0=1 w1=2;"},
    {HISTORY_G_SINGLE, HISTORY_ANOMALY_COUNT, "0-9 c l0= a0=1;0-9 c l0= a0=2;0-9 c l0=1,2;"},
    {HISTORY_G_SINGLE, HISTORY_ANOMALY_COUNT, "0-9 c r0=0 w0=1;0-9 c r0=0 w0=2;"},
    {HISTORY_G_SINGLE, HISTORY_ANOMALY_COUNT, "0-9 c w0=1;0-9 c r0=1 w0=2 w1=3;0-9 c r1=3 r0=1;"},
    {HISTORY_G2, HISTORY_ANOMALY_COUNT, "0-9 c l0= a1=1;0-9 c l1= a0=2;0-9 c l0=2 l1=1;"},
    {HISTORY_G2, HISTORY_ANOMALY_COUNT, "0-9 c r0=0 w1=1;0-9 c r1=0 w0=2;"},
    {HISTORY_G2, HISTORY_ANOMALY_COUNT, "0-9 c l0= a1=1;0-9 c l1= a2=2;0-9 c l2= a0=3;"},
    {HISTORY_G0_REAL_TIME, HISTORY_ANOMALY_COUNT, "0-1 c a0=1;2-3 c a0=2;0-9 c l0=2,1;"},
    {HISTORY_G1C_REAL_TIME, HISTORY_ANOMALY_COUNT, "0-1 c l0=1;2-3 c a0=1;"},
    {HISTORY_G1C_REAL_TIME, HISTORY_ANOMALY_COUNT, "0-1 c r0=1;2-3 c w0=1;"},
    {HISTORY_G_SINGLE_REAL_TIME, HISTORY_ANOMALY_COUNT, "0-1 c a0=1;2-3 c l0=;"},
    {HISTORY_G_SINGLE_REAL_TIME, HISTORY_ANOMALY_COUNT, "0-1 c a0=1;2-3 c l0=;4-5 c l0=1;"},
    {HISTORY_G_SINGLE_REAL_TIME, HISTORY_ANOMALY_COUNT, "0-1 c w0=1;2-3 c w0=2;4-5 c r0=1;"},
    {HISTORY_G_SINGLE_REAL_TIME, HISTORY_ANOMALY_COUNT, "0-1 u w0=1;2-3 c w0=2;4-5 c r0=0;"},
    {HISTORY_G2_REAL_TIME, HISTORY_ANOMALY_COUNT,
     "3-4 c l0= l9=;0-9 c a0=1 l1=;1-2 c a1=2;0-9 c l0=1 l1=2;"},
    {HISTORY_G0_TIMESTAMP, HISTORY_ANOMALY_COUNT, "0-9 c@2 a0=1;0-9 c@1 a0=2;0-9 c@3 l0=1,2;"},
    {HISTORY_G1C_TIMESTAMP, HISTORY_ANOMALY_COUNT, "0-9 c@2 a0=1;0-9 c@1 l0=1;"},
    {HISTORY_G1C_TIMESTAMP, HISTORY_ANOMALY_COUNT, "0-9 c@2 w0=1;0-9 c@1 r0=1;"},
    {HISTORY_G_SINGLE_TIMESTAMP, HISTORY_ANOMALY_COUNT, "0-9 c@1 a0=1;0-9 c@1 l0=;"},
    {HISTORY_G_SINGLE_TIMESTAMP, HISTORY_ANOMALY_COUNT, "0-9 c@1 w0=1;0-9 c@2 w0=2;0-9 c@3 r0=1;"},
    {HISTORY_G_SINGLE_TIMESTAMP, HISTORY_ANOMALY_COUNT, "0-9 c@1 w0=1;0-9 c@1 m0=1;"},
    {HISTORY_G_SINGLE_TIMESTAMP, HISTORY_ANOMALY_COUNT,
     "0-9 c@1 w0=2;0-9 c@3 w0=1;0-9 c@5 m0=1 w1=3;"},
    {HISTORY_G_SINGLE_TIMESTAMP, HISTORY_ANOMALY_COUNT, "0-9 c@1 w0=1;0-9 c@2 d0=0;0-9 c@3 r0=1;"},
    {HISTORY_G_SINGLE_TIMESTAMP, HISTORY_ANOMALY_COUNT,
     "0-9 c@1 w0=1;0-9 c@2 r0=1 d0=0;0-9 c@3 w0=2;0-9 c@4 r0=0;"},
    {HISTORY_G2_TIMESTAMP, HISTORY_ANOMALY_COUNT,
     "0-9 c@3 l0=;0-9 c a0=1 l1=;0-9 c@2 a1=2;0-9 c@4 l0=1 l1=2;"},
    {HISTORY_INTERNAL, HISTORY_ANOMALY_COUNT, "0-9 c a0=1 l0=;"},
    {HISTORY_INTERNAL, HISTORY_ANOMALY_COUNT, "0-9 c w0=1 r0=0;"},
    {HISTORY_INTERNAL, HISTORY_ANOMALY_COUNT, "0-9 c a0=1 a0=2 l0=2,1;"},
    {HISTORY_INTERNAL, HISTORY_ANOMALY_COUNT, "0-9 c w0=1 d0=0 r0=1;"},
    {HISTORY_INTERNAL, HISTORY_ANOMALY_COUNT, "0-9 c w0=1 m0=1;"},
    {HISTORY_UNWRITTEN, HISTORY_ANOMALY_COUNT, "0-9 c l0=1;"},
    {HISTORY_UNWRITTEN, HISTORY_ANOMALY_COUNT, "0-9 c r0=1;"},
    {HISTORY_DUPLICATE, HISTORY_ANOMALY_COUNT, "0-9 c a0=1;0-9 c l0=1,1;"},
    {HISTORY_INCOMPATIBLE, HISTORY_ANOMALY_COUNT, "0-9 c a0=1;0-9 c a0=2;0-9 c l0=1,2;0-9 c l0=2;"},
};
enum { PLAN_COUNT = sizeof plans / sizeof plans[0], SPREAD = 100 };

static uint64_t take_number(const char **text)
{
    char *end = NULL;
    const uint64_t number = strtoull(*text, &end, 10);
    *text = end;
    return number;
}

static void plant_list(
    struct histories *histories, struct history *history, uint64_t key, const char **text)
{
    ok(history_list(history, key));
    while (**text >= '0' && **text <= '9') {
        ok(history_item(history, histories->next_value + take_number(text)));
        *text += **text == ',';
    }
}

static void plant_op(struct histories *histories, struct history *history, const char **text)
{
    const char kind = *(*text)++;
    const uint64_t key = histories->next_key + take_number(text);
    (*text)++; /* the sign = */
    if (kind == 'l') {
        plant_list(histories, history, key, text);
        return;
    }
    const uint64_t number = take_number(text);
    const uint64_t value = histories->next_value + number;
    ok(kind == 'a'   ? history_append(history, key, value)
       : kind == 'w' ? history_write(history, key, value)
       : kind == 'd' ? history_remove(history, key)
       : kind == 'm' ? history_miss(history, key, history_group(value))
       : kind == 'u' ? history_undone(history, key, value)
                     : history_read(history, key, number != 0, value));
}

static void plant_txn(
    struct histories *histories, struct history *history, uint64_t start, const char **text)
{
    const uint64_t begin = start + SPREAD * take_number(text);
    (*text)++; /* the dash */
    const uint64_t end = start + SPREAD * take_number(text);
    (*text)++; /* the blank */
    const char status = *(*text)++;
    uint64_t ts = 0;
    if (**text == '@') {
        (*text)++;
        ts = take_number(text);
    }
    ok(history_begin(history, 77, begin));
    while (**text == ' ') {
        (*text)++;
        plant_op(histories, history, text);
    }
    (*text)++; /* the semicolon */
    history_end(
        history,
        status == 'a'   ? HISTORY_ABORTED
        : status == 'u' ? HISTORY_UNKNOWN
                        : HISTORY_COMMITTED,
        end);
    if (ts != 0) {
        history_stamp(history, ts);
    }
}

void histories_plant(
    struct histories *histories,
    struct history *history,
    enum history_anomaly anomaly,
    enum history_anomaly *also)
{
    size_t plan = (size_t)histories_draw(histories, PLAN_COUNT);
    while (plans[plan].anomaly != anomaly) {
        plan = (size_t)histories_draw(histories, PLAN_COUNT); /* each as often as another */
    }
    const uint64_t start = history->txn_count == 0
                               ? 0
                               : history->txns[histories_draw(histories, history->txn_count)].begin;
    for (const char *text = plans[plan].text; *text != '\0';) {
        plant_txn(histories, history, start, &text);
    }
    *also = plans[plan].also;
    histories->next_value += 100;
    histories->next_key += 100;
}
