/* Planning and reading queries; see queries.h. */
#include "host/queries.h"

#include "value/document.h"
#include "value/printable.h"

/*
 * What filters cost beside the reading of a document: each operation, which may compare as many
 * bytes as the document has.
 */
#define FILTER_FUEL_PER_NODE 64
#define FILTER_BYTES_PER_FUEL 8

/* Keys of one range: its bounds are part of a call of at most 1 MiB, and escapes double them. */
#define ENDS_BYTES_MAX ((size_t)16 << 20)

static enum gate_result refuse(struct host *host, const struct query_fault *fault)
{
    if (fault->code == NULL) {
        (void)host_stop_error(host, account_error(host->options.account));
        return GATE_STOP;
    }
    return gate_refuse(host, fault->code, "%s", fault->text);
}

static enum gate_result refuse_argument(
    struct host *host, const char *name, const struct query_fault *fault)
{
    if (fault->code == NULL || strcmp(fault->code, "InvalidArgument") != 0) {
        return refuse(host, fault);
    }
    return gate_refuse(
        host, fault->code, "Invalid argument `query` for `%s`: %s", name, fault->text);
}

/* -- Planning ------------------------------------------------------------------------------- */

void query_plan_done(struct query_plan *plan)
{
    buffer_done(&plan->low);
    buffer_done(&plan->high);
}

/* One of the two orders that every table has; false: it is a name of the table's own. */
static bool is_built_in(struct open_query *open)
{
    const struct slice name = open->query.index;
    open->by_id = slice_equal(name, SLICE("by_id"));
    return name.size == 0 || open->by_id || slice_equal(name, SLICE("by_creation_time"));
}

static enum gate_result no_index(struct host *host, const struct open_query *open)
{
    return gate_refuse(
        host, "IndexNotFoundError", "Index %.*s.%.*s not found.", SLICE_FMT(open->query.table),
        SLICE_FMT(open->query.index));
}

/* What the limits let be read: those that stand before any filter count what is read. */
static uint64_t most_read(const struct query *query)
{
    uint64_t most = 0;
    for (size_t i = 0; i < query->operator_count && query->operators[i].filter == NULL; i++) {
        const uint64_t limit = query->operators[i].limit;
        most = most == 0 || limit < most ? limit : most;
    }
    return most;
}

/* Finds the index by its name. May wait. */
static enum gate_result find_index(struct host *host, struct open_query *open)
{
    enum store_step step = STORE_DONE;
    struct store_indexes indexes = {0};
    GATE_TRY(host, store_indexes_get(host->options.txn, open->table, &step, &indexes));
    WAIT_FOR(step);
    for (size_t i = 0; i < indexes.count; i++) {
        const struct store_index *index = &indexes.items[i];
        if (!slice_equal(index->name, open->query.index)) {
            continue;
        }
        if (index->staged) {
            return gate_refuse(
                host, "IndexStagedError",
                "Index %.*s.%.*s is currently staged and not available to query until it is "
                "enabled.",
                SLICE_FMT(open->query.table), SLICE_FMT(open->query.index));
        }
        if (index->state != STORE_INDEX_ENABLED) {
            return gate_refuse(
                host, "IndexBackfillingError",
                "Index %.*s.%.*s is currently backfilling and not available to query yet.",
                SLICE_FMT(open->query.table), SLICE_FMT(open->query.index));
        }
        open->index = *index;
        return GATE_OK;
    }
    return no_index(host, open);
}

/* Finds the table, once: the number is kept for the case that what follows waits. */
static enum gate_result find_table(struct host *host, struct open_query *open, bool *out_found)
{
    struct host_operation *operation = &host->operation;
    if (operation->step == 0) {
        enum store_step step = STORE_DONE;
        bool found = false;
        uint32_t table = 0;
        GATE_TRY(
            host, store_table_find(host->options.txn, open->query.table, &step, &found, &table));
        WAIT_FOR(step);
        operation->step = 1;
        operation->table = found ? table : 0;
    }
    open->table = operation->table;
    *out_found = open->table != 0;
    return GATE_OK;
}

static enum gate_result plan_ends(
    struct host *host, const struct open_query *open, bool exists, struct query_plan *plan)
{
    const struct query_index index = {
        .fields = open->index.fields,
        .field_count = open->index.field_count,
        .by_id = open->by_id,
        .table = open->table,
    };
    struct query_fault fault;
    if (!query_range(&open->query, &index, &plan->low, &plan->high, &plan->empty, &fault)) {
        return refuse(host, &fault);
    }
    plan->empty = plan->empty || !exists;
    return GATE_OK;
}

enum gate_result query_plan(
    struct host *host,
    struct gate_call *call,
    const char *name,
    struct open_query *open,
    struct query_plan *plan)
{
    struct query_fault fault;
    bool exists = false;
    *open = (struct open_query){0};
    *plan = (struct query_plan){.empty = false};
    arena_init_charged(&open->arena, host->options.account);
    buffer_init_charged(&plan->low, ENDS_BYTES_MAX, host->options.account);
    buffer_init_charged(&plan->high, ENDS_BYTES_MAX, host->options.account);
    if (!query_read(json_get(call->args, SLICE("query")), &open->arena, &open->query, &fault)) {
        return refuse_argument(host, name, &fault);
    }
    GATE_CHECK(find_table(host, open, &exists));
    if (!is_built_in(open)) {
        GATE_CHECK(exists ? find_index(host, open) : no_index(host, open));
    }
    GATE_CHECK(plan_ends(host, open, exists, plan));
    plan->most = most_read(&open->query);
    open->doc = CORDON_TAKE(host->waiting_args);
    return GATE_OK;
}

enum gate_result query_start(
    struct host *host, struct open_query *open, const struct query_plan *plan)
{
    GATE_CHECK(db_charge_range(host));
    if (plan->empty) {
        return GATE_OK;
    }
    const struct store_range range = {
        .table = open->table,
        .index = open->by_id ? STORE_BY_ID : open->index.number,
        .order = open->query.descending ? STORE_DESCENDING : STORE_ASCENDING,
        .low = buffer_slice(&plan->low),
        .high = buffer_slice(&plan->high),
        .most = plan->most,
    };
    GATE_TRY(host, store_scan_open(host->options.txn, &range, &open->scan));
    return GATE_OK;
}

void query_close(struct open_query *open)
{
    store_scan_close(open->scan);
    arena_done(&open->arena);
    json_free(open->doc);
    *open = (struct open_query){0};
}

/* -- Reading -------------------------------------------------------------------------------- */

/* A limit that is used up lets nothing pass, whatever comes before it. */
static bool is_used_up(const struct query *query)
{
    for (size_t i = 0; i < query->operator_count; i++) {
        if (query->operators[i].filter == NULL && query->operators[i].limit == 0) {
            return true;
        }
    }
    return false;
}

/* Asks the operators in turn, and counts limits that let it pass down. */
static enum gate_result ask_operators(
    struct host *host, struct query *query, const struct value *document, bool *out_passes)
{
    *out_passes = true;
    for (size_t i = 0; i < query->operator_count && *out_passes; i++) {
        struct query_operator *one = &query->operators[i];
        struct query_fault fault;
        if (one->filter == NULL) {
            one->limit--;
        } else if (!filter_matches(one->filter, document, out_passes, &fault)) {
            return refuse(host, &fault);
        }
    }
    return GATE_OK;
}

static enum gate_result ask(
    struct host *host,
    struct gate_call *call,
    struct open_query *open,
    const struct row *row,
    bool *out_passes)
{
    struct value document = {0};
    if (!open->query.has_filters) {
        return ask_operators(host, &open->query, &document, out_passes);
    }
    const uint64_t each = FILTER_FUEL_PER_NODE + row->size / FILTER_BYTES_PER_FUEL;
    const uint64_t fuel = row->size * QUERY_FUEL_PER_BYTE + open->query.filter_nodes * each;
    if (!gate_charge(host, call, fuel)) {
        return GATE_STOP;
    }
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init_charged(&arena, host->options.account);
    GATE_TRY(host, value_parse(row->json, &arena, &document));
    return ask_operators(host, &open->query, &document, out_passes);
}

enum gate_result query_step(
    struct host *host,
    struct gate_call *call,
    struct open_query *open,
    struct query_document *out_document)
{
    *out_document = (struct query_document){.found = false};
    if (open->scan == NULL || is_used_up(&open->query)) {
        return GATE_OK;
    }
    enum store_step step = STORE_DONE;
    struct slice body = {0};
    bool found = false;
    cordon_error *error = store_scan_next(open->scan, &step, &found, &body);
    if (error != NULL) {
        /* Too many long values that begin alike: that is for the function's author to mend. */
        return db_fail_too_much(host, "TooLarge", error);
    }
    WAIT_FOR(step);
    if (!found) {
        return GATE_OK;
    }
    GATE_TRY(host, row_read(body, &out_document->row));
    GATE_CHECK(db_charge_read(host, call, out_document->row.size));
    GATE_CHECK(ask(host, call, open, &out_document->row, &out_document->passes));
    out_document->found = true;
    return GATE_OK;
}

/* -- Positions ------------------------------------------------------------------------------ */

cordon_error *query_position(const struct open_query *open, struct slice json, struct buffer *out)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, SIZE_MAX);
    struct value document = {0};
    struct document_id id;
    double time = 0;
    TRY(value_parse(json, &arena, &document));
    TRY(document_system_fields(&document, &id, &time));
    if (open->by_id) {
        return buffer_append(out, slice_of(id.internal, sizeof id.internal));
    }
    const struct store_id store_id = store_id_of(&id);
    return store_index_key(&open->index, &store_id, time, &document, out);
}
