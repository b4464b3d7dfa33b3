/*
 * convex/db-read: queries, by Convex's syscalls. A guest opens one, asks for its documents one
 * after the other, and closes it or reads it to its end.
 */
#include "host/operations.h"
#include "host/queries.h"

/*
 * In order of their numbers, which are never given twice, so that one is found by halving. One
 * that is closed stays in its place, without a query, until there is no room at the end.
 */
struct host_queries {
    struct open_query *items;
    size_t count;
    size_t capacity;
    size_t closed; /* of `count` */
    uint32_t last_number;
};

static struct open_query *find_query(struct host *host, const struct json_node *query)
{
    uint64_t number = 0;
    if (host->queries == NULL || !json_u64(query, &number)) {
        return NULL;
    }
    size_t low = 0;
    size_t high = host->queries->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (host->queries->items[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    struct open_query *found = &host->queries->items[low];
    const bool is_there = low < host->queries->count && found->number == number;
    return is_there && found->doc != NULL ? found : NULL;
}

/* Its number stays, so that those behind it are found. */
static void close_query(struct host_queries *queries, struct open_query *open)
{
    const uint32_t number = open->number;
    query_close(open);
    open->number = number;
    queries->closed++;
}

void db_close_queries(struct host *host)
{
    page_free(host);
    if (host->queries == NULL) {
        return;
    }
    for (size_t i = 0; i < host->queries->count; i++) {
        query_close(&host->queries->items[i]);
    }
    struct account *account = host->options.account;
    account_free(
        account, host->queries->items, host->queries->capacity * sizeof(struct open_query));
    account_free(account, host->queries, sizeof *host->queries);
    host->queries = NULL;
}

static cordon_error *ensure_queries(struct host *host)
{
    if (host->queries == NULL) {
        host->queries = account_realloc(host->options.account, NULL, 0, sizeof *host->queries);
        if (host->queries == NULL) {
            return account_error(host->options.account);
        }
        *host->queries = (struct host_queries){0};
    }
    return NULL;
}

/* Room at the end: by leaving out the closed ones where they are most, else by twice the places. */
static cordon_error *make_room(struct host *host)
{
    struct host_queries *queries = host->queries;
    struct account *account = host->options.account;
    if (queries->closed > queries->count / 2) {
        size_t kept = 0;
        for (size_t i = 0; i < queries->count; i++) {
            if (queries->items[i].doc != NULL) {
                queries->items[kept++] = queries->items[i];
            }
        }
        queries->count = kept;
        queries->closed = 0;
        return NULL;
    }
    const size_t capacity = queries->capacity == 0 ? 4 : queries->capacity * 2;
    struct open_query *grown = account_realloc(
        account, queries->items, queries->capacity * sizeof *grown, capacity * sizeof *grown);
    if (grown == NULL) {
        return account_error(account);
    }
    queries->items = grown;
    queries->capacity = capacity;
    return NULL;
}

/* Takes a query over under the next number. */
static cordon_error *add_query(struct host *host, struct open_query *open)
{
    TRY(ensure_queries(host));
    struct host_queries *queries = host->queries;
    if (queries->count == queries->capacity) {
        TRY(make_room(host));
    }
    open->number = ++queries->last_number;
    queries->items[queries->count++] = *open;
    return NULL;
}

static enum gate_result open_query(
    struct host *host, struct gate_call *call, struct open_query *open, uint32_t *out_number)
{
    CORDON_CLEANUP(query_plan_done) struct query_plan plan = {0};
    GATE_CHECK(query_plan(host, call, "queryStream", open, &plan));
    GATE_CHECK(query_start(host, open, &plan));
    GATE_TRY(host, add_query(host, open));
    *out_number = open->number;
    *open = (struct open_query){0};
    return GATE_OK;
}

enum gate_result db_query_stream(struct host *host, struct gate_call *call)
{
    struct open_query open = {0};
    uint32_t number = 0;
    const enum gate_result result = open_query(host, call, &open, &number);
    if (result != GATE_OK) {
        query_close(&open);
        return result;
    }
    buffer_clear(&host->reply);
    GATE_TRY(host, buffer_printf(&host->reply, "{\"queryId\":%u}", number));
    call->length = host->reply.size;
    return GATE_OK;
}

static enum gate_result read_on(
    struct host *host,
    struct gate_call *call,
    struct open_query *open,
    struct query_document *out_document)
{
    *out_document = (struct query_document){.found = true};
    while (out_document->found && !out_document->passes) {
        GATE_CHECK(query_step(host, call, open, out_document));
    }
    return GATE_OK;
}

/* The same, on the host's time; but a document at hand costs less than two looks at the clock. */
static enum gate_result read_on_time(
    struct host *host,
    struct gate_call *call,
    struct open_query *open,
    struct query_document *out_document)
{
    const bool at_hand = open->scan == NULL || store_scan_is_ready(open->scan);
    if (at_hand && !open->query.has_filters) {
        return read_on(host, call, open, out_document);
    }
    const enum run_clock_account paying = gate_long_begin(host);
    const enum gate_result result = read_on(host, call, open, out_document);
    gate_long_end(host, paying);
    return result;
}

enum gate_result db_query_stream_next(struct host *host, struct gate_call *call)
{
    struct open_query *open = find_query(host, json_get(call->args, SLICE("queryId")));
    if (open == NULL) {
        return gate_refuse(host, "QueryNotFound", "in-progress query not found");
    }
    struct query_document document = {.found = false};
    GATE_CHECK(read_on_time(host, call, open, &document));
    buffer_clear(&host->reply);
    if (document.found) {
        GATE_TRY(host, buffer_append(&host->reply, SLICE("{\"value\":")));
        GATE_TRY(host, buffer_append(&host->reply, document.row.json));
        GATE_TRY(host, buffer_append(&host->reply, SLICE(",\"done\":false}")));
    } else {
        close_query(host->queries, open);
        GATE_TRY(host, buffer_append(&host->reply, SLICE("{\"value\":null,\"done\":true}")));
    }
    call->length = host->reply.size;
    return GATE_OK;
}

enum gate_result db_query_cleanup(struct host *host, struct gate_call *call)
{
    struct open_query *open = find_query(host, json_get(call->args, SLICE("queryId")));
    if (open != NULL) {
        close_query(host->queries, open);
    }
    return gate_reply(host, call, open != NULL ? SLICE("true") : SLICE("false"));
}
