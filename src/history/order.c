/*
 * Edges between transactions; see order.h.
 *
 * Where many who read a version stand before many who overwrote it, there are helper nodes in
 * place of pairs. They are two chains along those who overwrote, one forwards and one backwards: a
 * reader that is one of them itself enters the chains behind and before its own place, so that no
 * way leads it to itself.
 */
#include "history/order.h"

#include "history/grow.h"
#include "history/predicates.h"

/* Things in groups: those of group g are `items[first[g]]` to `items[first[g + 1] - 1]`. */
struct groups {
    uint32_t *first;
    uint32_t *items;
    size_t group_count;
    size_t item_count;
};

struct order {
    const struct ledger *ledger;
    const struct history *history;
    struct account *account;
    struct graph *graph;
    struct groups readers;     /* transactions, by the version they read */
    struct groups overwriters; /* transactions, by the version they read and overwrote */
    struct groups versions;    /* of each key */
    uint32_t *set;             /* the transactions that something is said of, sorted */
    size_t set_count;
};

static void groups_done(const struct order *order, struct groups *groups)
{
    GROW_FREE(order->account, groups->first, groups->group_count + 1);
    GROW_FREE(order->account, groups->items, groups->item_count);
}

static void order_done(struct order *order)
{
    groups_done(order, &order->readers);
    groups_done(order, &order->overwriters);
    groups_done(order, &order->versions);
    GROW_FREE(order->account, order->set, order->ledger->version_count);
}

static cordon_error *make_groups(
    const struct order *order, struct groups *groups, size_t group_count, size_t item_count)
{
    *groups = (struct groups){.group_count = group_count, .item_count = item_count};
    TRY(GROW_EXACT(order->account, &groups->first, group_count + 1));
    return GROW_EXACT(order->account, &groups->items, item_count);
}

/* After each group's items were counted in `first`: turns counts into ends. */
static void sum_groups(struct groups *groups)
{
    uint32_t sum = 0;
    for (size_t i = 0; i <= groups->group_count; i++) {
        sum += groups->first[i];
        groups->first[i] = sum;
    }
}

static cordon_error *group_readings(
    const struct order *order,
    struct groups *groups,
    const struct ledger_reading *readings,
    size_t count)
{
    TRY(make_groups(order, groups, order->ledger->version_count, count));
    for (size_t i = 0; i < count; i++) {
        groups->first[readings[i].version]++;
    }
    sum_groups(groups);
    for (size_t i = count; i-- > 0;) {
        groups->items[--groups->first[readings[i].version]] = readings[i].txn;
    }
    return NULL;
}

static cordon_error *group_versions(struct order *order)
{
    const struct ledger *const ledger = order->ledger;
    struct groups *const groups = &order->versions;
    TRY(make_groups(order, groups, ledger->key_count, ledger->version_count));
    for (size_t i = 0; i < ledger->version_count; i++) {
        groups->first[ledger->versions[i].key]++;
    }
    sum_groups(groups);
    for (size_t i = ledger->version_count; i-- > 0;) {
        groups->items[--groups->first[ledger->versions[i].key]] = (uint32_t)i;
    }
    return NULL;
}

static bool is_present(const struct order *order, uint32_t version)
{
    const struct ledger *const ledger = order->ledger;
    const uint32_t writer = version == LEDGER_NONE ? LEDGER_NONE : ledger->versions[version].writer;
    return writer != LEDGER_NONE && ledger->present[writer] &&
           ledger->versions[version].kind != LEDGER_UNDONE;
}

/* -- Readers before those who overwrote -------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t first = *(const uint32_t *)a;
    const uint32_t second = *(const uint32_t *)b;
    return (first > second) - (first < second);
}

/* Sorts the set and leaves each transaction in it once. */
static void settle_set(struct order *order)
{
    size_t count = 0;
    if (order->set_count > 1) {
        qsort(order->set, order->set_count, sizeof *order->set, compare_numbers);
    }
    for (size_t i = 0; i < order->set_count; i++) {
        if (count == 0 || order->set[count - 1] != order->set[i]) {
            order->set[count++] = order->set[i];
        }
    }
    order->set_count = count;
}

/* The first of two chains of helper nodes; the backward one follows behind. */
static cordon_error *make_chains(struct order *order, uint32_t *out_first)
{
    struct graph *const graph = order->graph;
    const uint32_t count = (uint32_t)order->set_count;
    uint32_t node = 0;
    for (uint32_t i = 0; i < 2 * count; i++) {
        TRY(graph_add_node(graph, &node));
        *out_first = i == 0 ? node : *out_first;
        TRY(graph_add(graph, node, order->set[i % count], GRAPH_NEXT, LEDGER_NONE));
        if (i % count > 0) {
            const bool forwards = i < count;
            TRY(graph_add(
                graph, forwards ? node - 1 : node, forwards ? node : node - 1, GRAPH_NEXT,
                LEDGER_NONE));
        }
    }
    return NULL;
}

static cordon_error *enter_chains(
    struct order *order, uint32_t reader, uint32_t first, enum graph_kind kind, uint32_t version)
{
    const size_t count = order->set_count;
    const uint32_t *const own =
        bsearch(&reader, order->set, count, sizeof *order->set, compare_numbers);
    if (own == NULL) {
        return graph_add(order->graph, reader, first, kind, version);
    }
    const uint32_t at = (uint32_t)(own - order->set);
    if (at + 1 < count) {
        TRY(graph_add(order->graph, reader, first + at + 1, kind, version));
    }
    const uint32_t backwards = first + (uint32_t)count;
    return at == 0 ? NULL : graph_add(order->graph, reader, backwards + at - 1, kind, version);
}

/* Each who read the version comes before each in the set, save itself. */
static cordon_error *readers_before_set(struct order *order, uint32_t version, enum graph_kind kind)
{
    enum { FEW = 4 };
    const struct groups *const readers = &order->readers;
    const uint32_t begin = readers->first[version];
    const uint32_t end = readers->first[version + 1];
    const bool chains = order->set_count > FEW && end - begin > FEW;
    uint32_t first = 0;
    if (chains) {
        TRY(make_chains(order, &first));
    }
    for (uint32_t i = begin; i < end; i++) {
        const uint32_t reader = readers->items[i];
        if (chains) {
            TRY(enter_chains(order, reader, first, kind, version));
        }
        for (size_t t = 0; !chains && t < order->set_count; t++) {
            TRY(graph_add(order->graph, reader, order->set[t], kind, version));
        }
    }
    return NULL;
}

static cordon_error *writer_before_set(struct order *order, uint32_t version)
{
    const uint32_t writer = order->ledger->versions[version].writer;
    for (size_t i = 0; is_present(order, version) && i < order->set_count; i++) {
        TRY(graph_add(order->graph, writer, order->set[i], GRAPH_WW, version));
    }
    return NULL;
}

static cordon_error *version_before_set(struct order *order, uint32_t version)
{
    TRY(writer_before_set(order, version));
    return readers_before_set(order, version, GRAPH_RW);
}

/* -- Lists ------------------------------------------------------------------------------------- */

/* Those whose appends nobody has read. */
static void set_of_unread(struct order *order, uint32_t key)
{
    const struct groups *const versions = &order->versions;
    order->set_count = 0;
    for (uint32_t i = versions->first[key]; i < versions->first[key + 1]; i++) {
        const uint32_t version = versions->items[i];
        if (is_present(order, version) && order->ledger->versions[version].place == 0) {
            order->set[order->set_count++] = order->ledger->versions[version].writer;
        }
    }
    settle_set(order);
}

/* From the end of the list to its beginning, so that what comes next is known. */
static cordon_error *order_list(struct order *order, uint32_t number)
{
    const struct ledger *const ledger = order->ledger;
    const struct ledger_key *const key = &ledger->keys[number];
    set_of_unread(order, number);
    for (uint32_t i = key->longest_count; i-- > 0;) {
        const uint32_t version = ledger->order[key->order + i];
        if (version == LEDGER_NONE) {
            continue;
        }
        TRY(version_before_set(order, version));
        if (is_present(order, version)) {
            order->set[0] = ledger->versions[version].writer;
            order->set_count = 1;
        }
    }
    return version_before_set(order, key->initial);
}

/* -- Registers --------------------------------------------------------------------------------- */

/* Those who wrote to the register, by what they left there. */
static void set_of_writers(struct order *order, uint32_t key)
{
    const struct groups *const versions = &order->versions;
    order->set_count = 0;
    for (uint32_t i = versions->first[key]; i < versions->first[key + 1]; i++) {
        const uint32_t version = versions->items[i];
        if (is_present(order, version) && ledger_is_last(&order->ledger->versions[version])) {
            order->set[order->set_count++] = order->ledger->versions[version].writer;
        }
    }
    settle_set(order);
}

static void set_of_overwriters(struct order *order, uint32_t version)
{
    const struct groups *const groups = &order->overwriters;
    order->set_count = 0;
    for (uint32_t i = groups->first[version]; i < groups->first[version + 1]; i++) {
        order->set[order->set_count++] = groups->items[i];
    }
    settle_set(order);
}

struct writer_time {
    uint64_t begin;
    uint64_t end_min; /* the first answer to it or to one that began later */
    uint32_t txn;
};

static int compare_times(const void *a, const void *b)
{
    const struct writer_time *const first = a;
    const struct writer_time *const second = b;
    return (first->begin > second->begin) - (first->begin < second->begin);
}

static void sort_by_time(const struct order *order, struct writer_time *times, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct history_txn *const txn = &order->history->txns[order->set[i]];
        times[i] = (struct writer_time){txn->begin, txn->end, order->set[i]};
    }
    if (count > 1) {
        qsort(times, count, sizeof *times, compare_times);
    }
    for (size_t i = count; i-- > 1;) {
        if (times[i].end_min < times[i - 1].end_min) {
            times[i - 1].end_min = times[i].end_min;
        }
    }
}

/* The first that began after `end`. */
static size_t first_after(const struct writer_time *times, size_t count, uint64_t end)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (times[middle].begin > end) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/*
 * Who read a version comes before those who began after its writer was answered and overwrote it:
 * before the first of them, that is, up to where one of those was answered in turn.
 */
static cordon_error *order_by_time(
    struct order *order, uint32_t key, const struct writer_time *times, size_t count)
{
    const struct ledger *const ledger = order->ledger;
    for (uint32_t i = order->versions.first[key]; i < order->versions.first[key + 1]; i++) {
        const uint32_t version = order->versions.items[i];
        if (!is_present(order, version)) {
            continue;
        }
        const uint64_t end = order->history->txns[ledger->versions[version].writer].end;
        const size_t from = first_after(times, count, end);
        order->set_count = 0;
        for (size_t t = from; t < count && times[t].begin <= times[from].end_min; t++) {
            order->set[order->set_count++] = times[t].txn;
        }
        settle_set(order);
        TRY(readers_before_set(order, version, GRAPH_RW_RT));
    }
    return NULL;
}

/* -- Timestamps -------------------------------------------------------------------------------- */

struct place {
    uint64_t ts;
    bool reads_only; /* behind the writer with that timestamp */
    uint32_t item;   /* a transaction, or a version */
};

static int compare_places(const void *a, const void *b)
{
    const struct place *const first = a;
    const struct place *const second = b;
    if (first->ts != second->ts) {
        return first->ts > second->ts ? 1 : -1;
    }
    return (int)first->reads_only - (int)second->reads_only;
}

static void sort_places(struct place *places, size_t count)
{
    if (count > 1) {
        qsort(places, count, sizeof *places, compare_places);
    }
}

static bool stand_together(const struct place *a, const struct place *b)
{
    return a->ts == b->ts && a->reads_only == b->reads_only;
}

/*
 * A chain of helper nodes, one for each timestamp that was written at and one for those who only
 * read there: all up to that place come before all behind it.
 */
static cordon_error *chain_places(struct order *order, const struct place *places, size_t count)
{
    struct graph *const graph = order->graph;
    uint32_t before = GRAPH_NONE;
    for (size_t from = 0, to = 0; from < count; from = to) {
        uint32_t node = 0;
        TRY(graph_add_node(graph, &node));
        if (before != GRAPH_NONE) {
            TRY(graph_add(graph, before, node, GRAPH_NEXT, LEDGER_NONE));
        }
        for (to = from; to < count && stand_together(&places[from], &places[to]); to++) {
            TRY(graph_add(graph, places[to].item, node, GRAPH_TS, LEDGER_NONE));
            if (before != GRAPH_NONE) {
                TRY(graph_add(graph, before, places[to].item, GRAPH_NEXT, LEDGER_NONE));
            }
        }
        before = node;
    }
    return NULL;
}

static cordon_error *order_timestamps(struct order *order)
{
    const struct history *const history = order->history;
    struct place *places = NULL;
    size_t count = 0;
    TRY(GROW_EXACT(order->account, &places, history->txn_count));
    for (uint32_t i = 0; i < history->txn_count; i++) {
        const struct history_txn *const txn = &history->txns[i];
        if (txn->ts != 0) {
            places[count++] = (struct place){txn->ts, !history_txn_writes(history, txn), i};
        }
    }
    sort_places(places, count);
    cordon_error *const error = chain_places(order, places, count);
    GROW_FREE(order->account, places, history->txn_count);
    return error;
}

/* Who read a version of a register comes before who wrote the next one, by timestamps. */
static cordon_error *order_by_timestamp(struct order *order, uint32_t key, struct place *places)
{
    const struct ledger *const ledger = order->ledger;
    size_t count = 0;
    for (uint32_t i = order->versions.first[key]; i < order->versions.first[key + 1]; i++) {
        const uint32_t version = order->versions.items[i];
        if (is_present(order, version) && ledger_is_last(&ledger->versions[version])) {
            const uint64_t ts = order->history->txns[ledger->versions[version].writer].ts;
            places[count] = (struct place){.ts = ts, .item = version};
            count += ts != 0;
        }
    }
    sort_places(places, count);
    for (size_t i = 1; i < count; i++) {
        order->set[0] = ledger->versions[places[i].item].writer;
        order->set_count = 1;
        TRY(readers_before_set(order, places[i - 1].item, GRAPH_RW_TS));
    }
    return NULL;
}

static cordon_error *order_register_by_timestamp(struct order *order, uint32_t key)
{
    struct place *places = NULL;
    const size_t count = order->versions.first[key + 1] - order->versions.first[key];
    TRY(GROW_EXACT(order->account, &places, count));
    cordon_error *const error = order_by_timestamp(order, key, places);
    GROW_FREE(order->account, places, count);
    return error;
}

static cordon_error *order_register(struct order *order, uint32_t key)
{
    const struct groups *const versions = &order->versions;
    TRY(order_register_by_timestamp(order, key));
    set_of_writers(order, key);
    TRY(readers_before_set(order, order->ledger->keys[key].initial, GRAPH_RW));
    struct writer_time *times = NULL;
    const size_t count = order->set_count;
    TRY(GROW_EXACT(order->account, &times, count));
    sort_by_time(order, times, count);
    cordon_error *const error = order_by_time(order, key, times, count);
    GROW_FREE(order->account, times, count);
    TRY(error);
    for (uint32_t i = versions->first[key]; i < versions->first[key + 1]; i++) {
        const uint32_t version = versions->items[i];
        if (is_present(order, version)) {
            set_of_overwriters(order, version); /* who read it, too: they have their edges */
            TRY(readers_before_set(order, version, GRAPH_RW));
        }
    }
    return NULL;
}

/* -- Reads and real time ----------------------------------------------------------------------- */

static cordon_error *order_reads(struct order *order)
{
    const struct ledger *const ledger = order->ledger;
    for (size_t i = 0; i < ledger->reading_count; i++) {
        const struct ledger_reading *const reading = &ledger->readings[i];
        if (is_present(order, reading->version)) {
            TRY(graph_add(
                order->graph, ledger->versions[reading->version].writer, reading->txn, GRAPH_WR,
                reading->version));
        }
    }
    return NULL;
}

struct answer {
    uint64_t end;
    uint32_t txn;
};

static int compare_answers(const void *a, const void *b)
{
    const struct answer *const first = a;
    const struct answer *const second = b;
    return (first->end > second->end) - (first->end < second->end);
}

/* The helper node of the last answer before `begin`, or GRAPH_NONE. */
static uint32_t last_answer_before(
    const struct answer *answers, size_t count, uint32_t node, uint64_t begin)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (answers[middle].end < begin) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? GRAPH_NONE : node + (uint32_t)low - 1;
}

/* A chain of helper nodes, one for each answer, in their order. */
static cordon_error *chain_answers(
    struct order *order, const struct answer *answers, size_t count, uint32_t *out_first)
{
    uint32_t node = 0;
    for (size_t i = 0; i < count; i++) {
        TRY(graph_add_node(order->graph, &node));
        *out_first = i == 0 ? node : *out_first;
        TRY(graph_add(order->graph, answers[i].txn, node, GRAPH_RT, LEDGER_NONE));
        if (i > 0) {
            TRY(graph_add(order->graph, node - 1, node, GRAPH_NEXT, LEDGER_NONE));
        }
    }
    return NULL;
}

static cordon_error *order_answers(struct order *order, struct answer *answers)
{
    size_t count = 0;
    uint32_t first = 0;
    const struct history *const history = order->history;
    for (uint32_t i = 0; i < history->txn_count; i++) {
        if (order->ledger->present[i] && history->txns[i].end != UINT64_MAX) {
            answers[count++] = (struct answer){history->txns[i].end, i};
        }
    }
    qsort(answers, count, sizeof *answers, compare_answers);
    TRY(chain_answers(order, answers, count, &first));
    for (uint32_t i = 0; i < history->txn_count; i++) {
        const uint32_t node = last_answer_before(answers, count, first, history->txns[i].begin);
        if (order->ledger->present[i] && node != GRAPH_NONE) {
            TRY(graph_add(order->graph, node, i, GRAPH_NEXT, LEDGER_NONE));
        }
    }
    return NULL;
}

static cordon_error *order_real_time(struct order *order)
{
    struct answer *answers = NULL;
    const size_t count = order->history->txn_count;
    TRY(GROW_EXACT(order->account, &answers, count));
    cordon_error *const error = order_answers(order, answers);
    GROW_FREE(order->account, answers, count);
    return error;
}

cordon_error *order_graph(const struct ledger *ledger, struct graph *graph)
{
    graph_init(graph, ledger->account, (uint32_t)ledger->history->txn_count);
    CORDON_CLEANUP(order_done) struct order order = {
        .ledger = ledger, .history = ledger->history, .account = ledger->account, .graph = graph};
    TRY(GROW_EXACT(order.account, &order.set, ledger->version_count));
    TRY(group_readings(&order, &order.readers, ledger->readings, ledger->reading_count));
    TRY(group_readings(
        &order, &order.overwriters, ledger->overwritings, ledger->overwriting_count));
    TRY(group_versions(&order));
    for (uint32_t key = 0; key < ledger->key_count; key++) {
        TRY(ledger->keys[key].is_list ? order_list(&order, key) : order_register(&order, key));
    }
    TRY(order_reads(&order));
    TRY(order_real_time(&order));
    TRY(order_timestamps(&order));
    TRY(predicates_order(ledger, graph));
    return graph_seal(graph);
}
