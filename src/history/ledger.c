/*
 * Versions and readings; see ledger.h. The history is walked through five times: to learn what was
 * written, what was undone and who is present, to find each list's longest reading, and to say of
 * each reading which version it was. Each walk is linear in the history.
 */
#include "history/ledger.h"

#include "history/grow.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* -- What was written -------------------------------------------------------------------------- */

static cordon_error *add_version(
    struct ledger *ledger, uint32_t key, uint64_t value, uint32_t writer, uint32_t *out_version)
{
    TRY(GROW(
        ledger->account, &ledger->versions, &ledger->version_capacity, ledger->version_count, 1));
    ledger->versions[ledger->version_count] = (struct ledger_version){
        .value = value, .key = key, .writer = writer, .next_own = LEDGER_NONE};
    *out_version = (uint32_t)ledger->version_count;
    ledger->version_count++;
    return NULL;
}

static cordon_error *find_key(struct ledger *ledger, const struct history_op *op, uint32_t *out_key)
{
    const bool is_list = op->kind == HISTORY_APPEND || op->kind == HISTORY_LIST;
    uint32_t key = lookup_find(&ledger->key_places, op->key, 0);
    if (key == LOOKUP_NONE) {
        key = (uint32_t)ledger->key_count;
        TRY(GROW(ledger->account, &ledger->keys, &ledger->key_capacity, ledger->key_count, 1));
        TRY(lookup_add(&ledger->key_places, op->key, 0, key));
        ledger->keys[key] = (struct ledger_key){.name = op->key, .is_list = is_list};
        ledger->key_count++;
        TRY(add_version(ledger, key, 0, LEDGER_NONE, &ledger->keys[key].initial));
    }
    if (ledger->keys[key].is_list != is_list) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "key %" PRIu64 " is used as a list and as a register; it must be one of the two",
            op->key);
    }
    *out_key = key;
    return NULL;
}

/* The key as the walk through this transaction has left it. */
static struct ledger_key *key_in_walk(struct ledger *ledger, size_t op, uint32_t txn)
{
    struct ledger_key *const key = &ledger->keys[ledger->key_of[op]];
    if (key->walker != txn + 1) {
        key->walker = txn + 1;
        key->own_first = LEDGER_NONE;
        key->own_last = LEDGER_NONE;
        key->own_count = 0;
        key->found = LEDGER_NONE;
    }
    return key;
}

static void note_own(struct ledger_key *key, uint32_t version)
{
    key->own_first = key->own_first == LEDGER_NONE ? version : key->own_first;
    key->own_last = version;
    key->own_count++;
}

/* A version that can be told by its value. */
static cordon_error *add_value(
    struct ledger *ledger, uint32_t txn, size_t at, uint32_t *out_version)
{
    const struct history_op *const op = &ledger->history->ops[at];
    if (lookup_find(&ledger->version_places, op->key, op->value) != LOOKUP_NONE) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "%" PRIu64 " is written twice to key %" PRIu64
            ": only a history whose values differ can be checked",
            op->value, op->key);
    }
    TRY(add_version(ledger, ledger->key_of[at], op->value, txn, out_version));
    return lookup_add(&ledger->version_places, op->key, op->value, *out_version);
}

static cordon_error *add_removal(
    struct ledger *ledger, uint32_t txn, size_t at, uint32_t *out_version)
{
    TRY(add_version(ledger, ledger->key_of[at], 0, txn, out_version));
    ledger->versions[*out_version].kind = LEDGER_REMOVED;
    ledger->keys[ledger->key_of[at]].is_removed = true;
    return NULL;
}

static cordon_error *learn_write(struct ledger *ledger, uint32_t txn, size_t at)
{
    const bool removes = ledger->history->ops[at].kind == HISTORY_REMOVE;
    uint32_t version = 0;
    TRY((removes ? add_removal : add_value)(ledger, txn, at, &version));
    struct ledger_key *const key = key_in_walk(ledger, at, txn);
    if (key->own_last != LEDGER_NONE) {
        ledger->versions[key->own_last].next_own = version;
    }
    note_own(key, version);
    ledger->notes[at] = version;
    return NULL;
}

static cordon_error *learn_writes(struct ledger *ledger)
{
    for (uint32_t i = 0; i < ledger->history->txn_count; i++) {
        const struct history_txn *const txn = &ledger->history->txns[i];
        if (txn->end < txn->begin) {
            return cordon_error_new(
                CORDON_E_INVALID,
                "transaction %" PRIu32 " ends before it begins; both must be times of one clock",
                i + 1);
        }
        for (size_t at = txn->first; at < txn->first + txn->count; at++) {
            const struct history_op *const op = &ledger->history->ops[at];
            if (op->kind != HISTORY_UNDONE) {
                TRY(find_key(ledger, op, &ledger->key_of[at]));
            }
            if (history_op_writes(op)) {
                TRY(learn_write(ledger, i, at));
            }
        }
    }
    return NULL;
}

/* Once it is known of each key whether it is a list. Of one that nothing else is known of, too. */
static cordon_error *learn_undone(struct ledger *ledger)
{
    const struct history *const history = ledger->history;
    for (uint32_t i = 0; i < history->txn_count; i++) {
        const struct history_txn *const txn = &history->txns[i];
        for (size_t at = txn->first; at < txn->first + txn->count; at++) {
            const struct history_op *const op = &history->ops[at];
            uint32_t version = 0;
            if (op->kind == HISTORY_UNDONE) {
                ledger->key_of[at] = lookup_find(&ledger->key_places, op->key, 0);
                if (ledger->key_of[at] == LOOKUP_NONE) {
                    TRY(find_key(ledger, op, &ledger->key_of[at]));
                }
                TRY(add_value(ledger, i, at, &version));
                ledger->versions[version].kind = LEDGER_UNDONE;
            }
        }
    }
    return NULL;
}

/* -- Who is present ---------------------------------------------------------------------------- */

struct seen_txns {
    uint32_t *stack;
    size_t count;
};

static void see_value(struct ledger *ledger, struct seen_txns *seen, uint64_t key, uint64_t value)
{
    const uint32_t version = lookup_find(&ledger->version_places, key, value);
    if (version == LOOKUP_NONE || ledger->versions[version].kind == LEDGER_UNDONE) {
        return;
    }
    const uint32_t writer = ledger->versions[version].writer;
    if (!ledger->present[writer] && ledger->history->txns[writer].status == HISTORY_UNKNOWN) {
        ledger->present[writer] = true;
        seen->stack[seen->count++] = writer;
    }
}

static void see_all_that_was_read(struct ledger *ledger, struct seen_txns *seen, uint32_t number)
{
    const struct history *const history = ledger->history;
    const struct history_txn *const txn = &history->txns[number];
    for (size_t at = txn->first; at < txn->first + txn->count; at++) {
        const struct history_op *const op = &history->ops[at];
        if (op->kind == HISTORY_READ && op->found) {
            see_value(ledger, seen, op->key, op->value);
        }
        for (size_t i = 0; op->kind == HISTORY_LIST && i < op->count; i++) {
            see_value(ledger, seen, op->key, history->items[op->first + i]);
        }
    }
}

static cordon_error *learn_who_is_present(struct ledger *ledger)
{
    const size_t count = ledger->history->txn_count;
    struct seen_txns seen = {0};
    TRY(GROW_EXACT(ledger->account, &seen.stack, count));
    for (uint32_t i = 0; i < count; i++) {
        if (ledger->history->txns[i].status == HISTORY_COMMITTED) {
            ledger->present[i] = true;
            seen.stack[seen.count++] = i;
        }
    }
    while (seen.count > 0) {
        seen.count--;
        see_all_that_was_read(ledger, &seen, seen.stack[seen.count]);
    }
    GROW_FREE(ledger->account, seen.stack, count);
    for (uint32_t i = 0; i < count; i++) {
        ledger->report->checked += ledger->present[i];
    }
    return NULL;
}

/* -- What is wrong with a single read ---------------------------------------------------------- */

CORDON_PRINTF(5, 6) static cordon_error *found(
    struct ledger *ledger,
    enum history_anomaly anomaly,
    uint32_t reader,
    uint32_t other, /* or LEDGER_NONE */
    const char *format,
    ...)
{
    if (!report_counts(ledger->report, anomaly)) {
        return NULL;
    }
    char words[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    const uint32_t txns[2] = {reader, other};
    const size_t count = other == LEDGER_NONE ? 1 : 2;
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, (size_t)64 << 10);
    TRY(buffer_printf(&text, "%s: %s", history_anomaly_name(anomaly), words));
    for (size_t i = 0; i < count; i++) {
        TRY(buffer_append(&text, SLICE("\n    ")));
        TRY(report_write_txn(&text, ledger->history, txns[i]));
    }
    return report_tell(ledger->report, anomaly, buffer_slice(&text), txns, count);
}

/* A version that was read by others than its writer, as the value it has. */
static cordon_error *judge_writer(
    struct ledger *ledger,
    uint32_t reader,
    const struct history_op *op,
    uint64_t value,
    uint32_t version)
{
    if (version == LOOKUP_NONE) {
        return found(
            ledger, HISTORY_UNWRITTEN, reader, LEDGER_NONE,
            "T%" PRIu32 " read %" PRIu64 " in key %" PRIu64 ", which nobody wrote", reader + 1,
            value, op->key);
    }
    const uint32_t writer = ledger->versions[version].writer;
    if (ledger->versions[version].kind == LEDGER_UNDONE) {
        return found(
            ledger, HISTORY_G1A, reader, writer == reader ? LEDGER_NONE : writer,
            "T%" PRIu32 " read %" PRIu64 " in key %" PRIu64 ", which T%" PRIu32
            " wrote and took back by a savepoint",
            reader + 1, value, op->key, writer + 1);
    }
    if (ledger->history->txns[writer].status != HISTORY_ABORTED) {
        return NULL;
    }
    return found(
        ledger, HISTORY_G1A, reader, writer,
        "T%" PRIu32 " read %" PRIu64 " in key %" PRIu64 ", which T%" PRIu32
        " wrote before it was aborted",
        reader + 1, value, op->key, writer + 1);
}

static cordon_error *judge_intermediate(
    struct ledger *ledger, uint32_t reader, const struct history_op *op, uint32_t version)
{
    const struct ledger_version *const read = &ledger->versions[version];
    if (read->writer == LEDGER_NONE || read->writer == reader || ledger_is_last(read)) {
        return NULL;
    }
    return found(
        ledger, HISTORY_G1B, reader, read->writer,
        "T%" PRIu32 " read key %" PRIu64 " up to the %" PRIu64 " that T%" PRIu32
        " wrote, which went on to write %" PRIu64,
        reader + 1, op->key, read->value, read->writer + 1, ledger->versions[read->next_own].value);
}

static cordon_error *add_reading(struct ledger *ledger, uint32_t txn, uint32_t version)
{
    TRY(GROW(
        ledger->account, &ledger->readings, &ledger->reading_capacity, ledger->reading_count, 1));
    ledger->readings[ledger->reading_count] = (struct ledger_reading){txn, version};
    ledger->reading_count++;
    return NULL;
}

/* -- Lists ------------------------------------------------------------------------------------- */

/* How many items others had left, if what follows them is what this transaction appended. */
static bool split_own(
    const struct ledger *ledger,
    const struct ledger_key *key,
    const struct history_op *op,
    uint32_t *out_count)
{
    if (op->count < key->own_count) {
        return false;
    }
    const size_t others = op->count - key->own_count;
    uint32_t own = key->own_first;
    for (size_t i = others; i < op->count; i++) {
        if (ledger->history->items[op->first + i] != ledger->versions[own].value) {
            return false;
        }
        own = ledger->versions[own].next_own;
    }
    *out_count = (uint32_t)others;
    return true;
}

static cordon_error *measure_list(struct ledger *ledger, uint32_t txn, size_t at)
{
    const struct history_op *const op = &ledger->history->ops[at];
    struct ledger_key *const key = key_in_walk(ledger, at, txn);
    uint32_t count = 0;
    ledger->notes[at] = LEDGER_NONE;
    if (!split_own(ledger, key, op, &count)) {
        return found(
            ledger, HISTORY_INTERNAL, txn, LEDGER_NONE,
            "T%" PRIu32 " read list %" PRIu64 " and did not find what it had appended itself",
            txn + 1, op->key);
    }
    ledger->notes[at] = count;
    if (count > key->longest_count) {
        key->longest_count = count;
        key->longest_reader = txn;
        key->longest_op = at;
    }
    return NULL;
}

/* The order of a list's versions is that of its longest reading. */
static cordon_error *order_list(struct ledger *ledger, struct ledger_key *key)
{
    const struct history *const history = ledger->history;
    const struct history_op *const op = &history->ops[key->longest_op];
    key->order = (uint32_t)ledger->order_count;
    for (uint32_t i = 0; i < key->longest_count; i++) {
        const uint64_t value = history->items[op->first + i];
        uint32_t version = lookup_find(&ledger->version_places, key->name, value);
        TRY(judge_writer(ledger, key->longest_reader, op, value, version));
        if (version != LOOKUP_NONE && ledger->versions[version].place != 0) {
            TRY(found(
                ledger, HISTORY_DUPLICATE, key->longest_reader, ledger->versions[version].writer,
                "T%" PRIu32 " read list %" PRIu64 ", which has %" PRIu64 " twice",
                key->longest_reader + 1, key->name, value));
            version = LEDGER_NONE; /* it stands where it stood first */
        } else if (version != LOOKUP_NONE) {
            ledger->versions[version].place = i + 1;
            version = ledger->versions[version].kind == LEDGER_UNDONE ? LEDGER_NONE : version;
        }
        ledger->order[ledger->order_count++] = version;
    }
    return NULL;
}

static cordon_error *order_lists(struct ledger *ledger)
{
    size_t total = 0;
    for (size_t i = 0; i < ledger->key_count; i++) {
        total += ledger->keys[i].longest_count;
    }
    ledger->order_capacity = total;
    TRY(GROW_EXACT(ledger->account, &ledger->order, total));
    for (size_t i = 0; i < ledger->key_count; i++) {
        if (ledger->keys[i].longest_count > 0) {
            TRY(order_list(ledger, &ledger->keys[i]));
        }
    }
    return NULL;
}

static cordon_error *judge_contradiction(
    struct ledger *ledger, uint32_t txn, const struct history_op *op, uint32_t count)
{
    const struct ledger_key *const key =
        &ledger->keys[lookup_find(&ledger->key_places, op->key, 0)];
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t value = ledger->history->items[op->first + i];
        const uint32_t version = lookup_find(&ledger->version_places, op->key, value);
        TRY(judge_writer(ledger, txn, op, value, version));
    }
    return found(
        ledger, HISTORY_INCOMPATIBLE, txn, key->longest_reader,
        "T%" PRIu32 " and T%" PRIu32 " read list %" PRIu64
        ", and neither list is the beginning of the other",
        txn + 1, key->longest_reader + 1, op->key);
}

static cordon_error *place_list(struct ledger *ledger, uint32_t txn, size_t at)
{
    const struct history *const history = ledger->history;
    const struct history_op *const op = &history->ops[at];
    const struct ledger_key *const key = &ledger->keys[ledger->key_of[at]];
    const uint32_t count = ledger->notes[at];
    if (count == LEDGER_NONE) {
        return NULL;
    }
    if (count == 0) {
        return add_reading(ledger, txn, key->initial);
    }
    const size_t longest = history->ops[key->longest_op].first;
    if (memcmp(
            &history->items[op->first], &history->items[longest], count * sizeof *history->items) !=
        0) {
        return judge_contradiction(ledger, txn, op, count);
    }
    const uint32_t version = ledger->order[key->order + count - 1];
    if (version == LEDGER_NONE) {
        return NULL; /* from nowhere or undone, and told so */
    }
    TRY(judge_intermediate(ledger, txn, op, version));
    return add_reading(ledger, txn, version);
}

/* -- Registers --------------------------------------------------------------------------------- */

bool ledger_fits(const struct history_op *op, const struct ledger_version *version)
{
    const bool has_value = version->writer != LEDGER_NONE && version->kind == LEDGER_VALUE;
    return op->kind == HISTORY_MISS ? !has_value || history_group(version->value) != op->value
                                    : !op->found && !has_value;
}

static cordon_error *place_own_read(
    struct ledger *ledger, uint32_t txn, const struct history_op *op, const struct ledger_key *key)
{
    const struct ledger_version *const own = &ledger->versions[key->own_last];
    const bool is_removed = own->kind == LEDGER_REMOVED;
    if (op->kind == HISTORY_MISS || is_removed ? ledger_fits(op, own)
                                               : op->found && op->value == own->value) {
        return NULL;
    }
    if (is_removed) {
        return found(
            ledger, HISTORY_INTERNAL, txn, LEDGER_NONE,
            "T%" PRIu32 " read register %" PRIu64 " as %" PRIu64
            " after it had removed that itself",
            txn + 1, op->key, op->value);
    }
    return found(
        ledger, HISTORY_INTERNAL, txn, LEDGER_NONE,
        "T%" PRIu32 " read register %" PRIu64 " and did not find the %" PRIu64
        " that it had written itself",
        txn + 1, op->key, own->value);
}

static cordon_error *add_vague(struct ledger *ledger, uint32_t txn, size_t at)
{
    TRY(GROW(ledger->account, &ledger->vagues, &ledger->vague_capacity, ledger->vague_count, 1));
    ledger->vagues[ledger->vague_count] =
        (struct ledger_vague){.txn = txn, .key = ledger->key_of[at], .op = at};
    ledger->vague_count++;
    return NULL;
}

static cordon_error *place_read(struct ledger *ledger, uint32_t txn, size_t at)
{
    const struct history_op *const op = &ledger->history->ops[at];
    struct ledger_key *const key = key_in_walk(ledger, at, txn);
    if (key->own_count > 0) {
        return place_own_read(ledger, txn, op, key);
    }
    if (op->kind == HISTORY_MISS || (!op->found && key->is_removed)) {
        return add_vague(ledger, txn, at);
    }
    uint32_t version = key->initial;
    if (op->found) {
        version = lookup_find(&ledger->version_places, op->key, op->value);
        TRY(judge_writer(ledger, txn, op, op->value, version));
        if (version == LOOKUP_NONE || ledger->versions[version].kind == LEDGER_UNDONE) {
            return NULL;
        }
        TRY(judge_intermediate(ledger, txn, op, version));
    }
    key->found = version;
    return add_reading(ledger, txn, version);
}

/* What the transaction had read of the register before is older than what it leaves there. */
static cordon_error *place_write(struct ledger *ledger, uint32_t txn, size_t at)
{
    struct ledger_key *const key = key_in_walk(ledger, at, txn);
    const uint32_t version = ledger->notes[at];
    const bool overwrites = key->own_count == 0 && key->found != LEDGER_NONE;
    note_own(key, version);
    if (!overwrites || key->is_list) {
        return NULL;
    }
    TRY(GROW(
        ledger->account, &ledger->overwritings, &ledger->overwriting_capacity,
        ledger->overwriting_count, 1));
    ledger->overwritings[ledger->overwriting_count] = (struct ledger_reading){txn, key->found};
    ledger->overwriting_count++;
    return NULL;
}

/* -- Walks ------------------------------------------------------------------------------------- */

typedef cordon_error *visitor(struct ledger *ledger, uint32_t txn, size_t op);

static cordon_error *measure_op(struct ledger *ledger, uint32_t txn, size_t at)
{
    const struct history_op *const op = &ledger->history->ops[at];
    if (op->kind == HISTORY_APPEND) {
        note_own(key_in_walk(ledger, at, txn), ledger->notes[at]);
    }
    return op->kind == HISTORY_LIST ? measure_list(ledger, txn, at) : NULL;
}

static cordon_error *place_op(struct ledger *ledger, uint32_t txn, size_t at)
{
    switch (ledger->history->ops[at].kind) {
    case HISTORY_APPEND:
    case HISTORY_WRITE:
    case HISTORY_REMOVE:
        return place_write(ledger, txn, at);
    case HISTORY_LIST:
        return place_list(ledger, txn, at);
    case HISTORY_READ:
    case HISTORY_MISS:
        return place_read(ledger, txn, at);
    case HISTORY_UNDONE:
        return NULL;
    }
    return NULL;
}

/* Through all operations of those present. */
static cordon_error *walk(struct ledger *ledger, visitor *visit)
{
    for (size_t i = 0; i < ledger->key_count; i++) {
        ledger->keys[i].walker = 0;
    }
    for (uint32_t i = 0; i < ledger->history->txn_count; i++) {
        const struct history_txn *const txn = &ledger->history->txns[i];
        for (size_t at = txn->first; ledger->present[i] && at < txn->first + txn->count; at++) {
            TRY(visit(ledger, i, at));
        }
    }
    return NULL;
}

cordon_error *ledger_fill(
    struct ledger *ledger,
    const struct history *history,
    struct account *account,
    struct history_report *report)
{
    *ledger = (struct ledger){.history = history, .account = account, .report = report};
    lookup_init(&ledger->key_places, account);
    lookup_init(&ledger->version_places, account);
    TRY(GROW_EXACT(account, &ledger->notes, history->op_count));
    TRY(GROW_EXACT(account, &ledger->key_of, history->op_count));
    TRY(GROW_EXACT(account, &ledger->present, history->txn_count));
    TRY(learn_writes(ledger));
    TRY(learn_undone(ledger));
    TRY(learn_who_is_present(ledger));
    TRY(walk(ledger, measure_op));
    TRY(order_lists(ledger));
    return walk(ledger, place_op);
}

void ledger_done(struct ledger *ledger)
{
    struct account *const account = ledger->account;
    lookup_done(&ledger->key_places);
    lookup_done(&ledger->version_places);
    account_free(account, ledger->keys, ledger->key_capacity * sizeof *ledger->keys);
    account_free(account, ledger->versions, ledger->version_capacity * sizeof *ledger->versions);
    account_free(account, ledger->readings, ledger->reading_capacity * sizeof *ledger->readings);
    account_free(
        account, ledger->overwritings, ledger->overwriting_capacity * sizeof *ledger->overwritings);
    account_free(account, ledger->vagues, ledger->vague_capacity * sizeof *ledger->vagues);
    if (ledger->history != NULL) {
        GROW_FREE(account, ledger->order, ledger->order_capacity);
        GROW_FREE(account, ledger->notes, ledger->history->op_count);
        GROW_FREE(account, ledger->key_of, ledger->history->op_count);
        GROW_FREE(account, ledger->present, ledger->history->txn_count);
    }
    *ledger = (struct ledger){0};
}
