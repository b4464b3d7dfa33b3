/*
 * convex/db-read: 1.0/queryPage, a page of a query and the cursor from which the next one goes on.
 *
 * A page ends after `pageSize` documents; where the caller says up to which position, there. It
 * ends early, and asks to be split, before the limits on what a run reads could end the run: at
 * three quarters of them (Convex's soft limits), or where the caller set others. One that has a
 * position to end at goes on as far as it can, as it is the client that holds both ends.
 *
 * It is split in the middle of what was read, passed or not: a page of few documents may have been
 * long to read. Where that is, is only known at the end; so each nth document is kept meanwhile,
 * and n doubles when they get too many.
 */
#include "host/cursor.h"
#include "host/operations.h"

#include <math.h>

/* Convex: the most that may be asked for, the most in an array, and from where a page is long. */
#define PAGE_SIZE_MAX 32000
#define PAGE_ROWS_MAX ((size_t)8192)
#define PAGE_ROWS_LONG (PAGE_ROWS_MAX / 4 * 3)

/* All documents of a page and their keys: what a run may read is far less. */
#define PAGE_BYTES_MAX ((size_t)256 << 20)

/* Documents that are kept for the middle; even. Of fewer read than that, a page can't be split. */
enum { MARKS_MAX = 8, SPLIT_ROWS_MIN = 3 };

enum page_status { PAGE_FINE, PAGE_SPLIT_RECOMMENDED, PAGE_SPLIT_REQUIRED };

/* What the arguments ask for. */
struct page_wish {
    uint64_t page_size;
    uint64_t rows_max;
    uint64_t bytes_max;
    struct slice cursor; /* empty: from the beginning */
    struct slice end;    /* the same, up to the page's own end */
};

struct page {
    struct open_query open;
    struct query_plan plan;
    uint8_t fingerprint[CURSOR_FINGERPRINT_BYTES];
    struct page_wish wish;
    struct buffer from; /* the keys of the two cursors */
    struct buffer to;
    bool has_end;
    bool end_is_last;        /* the end cursor is behind the last document */
    struct buffer documents; /* JSON, with commas between */
    size_t count;
    struct buffer position;         /* the key of the last document read, of a page that is full */
    struct buffer split;            /* that of the one in the middle; empty: there is none */
    struct buffer marks[MARKS_MAX]; /* JSON of each `stride`th document read, in order */
    size_t mark_count;
    uint64_t stride;
    uint64_t rows_read;
    uint64_t bytes_read;
    bool done; /* there is no document behind the page */
    enum page_status status;
};

/* -- What is asked for ---------------------------------------------------------------------- */

/* A number of the arguments that may be left out; false: it is no number above zero. */
static bool read_count(
    const struct gate_call *call, struct slice name, double most, uint64_t *out_count)
{
    const struct json_node *node = json_get(call->args, name);
    if (json_kind(node) == JSON_MISSING || json_kind(node) == JSON_NULL) {
        *out_count = UINT64_MAX;
        return true;
    }
    const double number = json_number(node);
    if (json_kind(node) != JSON_NUMBER || !(number >= 1) || number > most ||
        floor(number) != number) {
        return false;
    }
    *out_count = (uint64_t)number;
    return true;
}

static enum gate_result read_page_size(
    struct host *host, const struct gate_call *call, struct page_wish *wish)
{
    const struct json_node *node = json_get(call->args, SLICE("pageSize"));
    const double number = json_number(node);
    if (json_kind(node) != JSON_NUMBER || floor(number) != number) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `pageSize` for `queryPage`: it is a whole number.");
    }
    if (number < 1) {
        return gate_refuse(
            host, "NoDocumentsForPagination", "Must request at least 1 document while paginating");
    }
    if (number > PAGE_SIZE_MAX) {
        return gate_refuse(host, "PageSizeTooLarge", "Requested too many items: %.0f", number);
    }
    wish->page_size = (uint64_t)number;
    return GATE_OK;
}

static enum gate_result read_cursor_text(
    struct host *host, const struct gate_call *call, struct slice name, struct slice *out_text)
{
    const struct json_node *node = json_get(call->args, name);
    const enum json_kind kind = json_kind(node);
    if (kind != JSON_STRING && kind != JSON_NULL && kind != JSON_MISSING) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `%.*s` for `queryPage`: it is a cursor as a page has it, or null.",
            SLICE_FMT(name));
    }
    if (kind == JSON_STRING && json_string(node).size == 0) {
        return gate_refuse(host, "InvalidCursor", "Failed to parse cursor");
    }
    *out_text = json_string(node);
    return GATE_OK;
}

static enum gate_result read_wish(
    struct host *host, const struct gate_call *call, struct page_wish *wish)
{
    GATE_CHECK(read_page_size(host, call, wish));
    if (!read_count(call, SLICE("maximumRowsRead"), 1e15, &wish->rows_max) ||
        !read_count(call, SLICE("maximumBytesRead"), 1e15, &wish->bytes_max)) {
        return gate_refuse(
            host, "InvalidPaginationLimit",
            "`maximumRowsRead` and `maximumBytesRead` of `queryPage` are whole numbers above 0.");
    }
    GATE_CHECK(read_cursor_text(host, call, SLICE("cursor"), &wish->cursor));
    return read_cursor_text(host, call, SLICE("endCursor"), &wish->end);
}

/* -- Cursors -------------------------------------------------------------------------------- */

/* Ends the run as Convex does: its client library begins again from the first page. */
static enum gate_result other_query(struct host *host)
{
    (void)host_stop(
        host, CORDON_OUTCOME_FAILED,
        "InvalidCursor: Tried to run a query starting from a cursor, but it looks like this cursor "
        "is from a different query.");
    host->stop.data = arena_copy(
        &host->arena,
        SLICE("{\"isConvexSystemError\":true,\"paginationError\":\"InvalidCursor\"}"));
    return GATE_STOP;
}

static enum gate_result read_cursor(
    struct host *host,
    struct page *page,
    struct slice text,
    struct buffer *key,
    struct cursor_position *out_position)
{
    enum cursor_verdict verdict = CURSOR_GOOD;
    GATE_TRY(host, cursor_read(host, page->fingerprint, text, key, &verdict, out_position));
    switch (verdict) {
    case CURSOR_GOOD:
        return GATE_OK;
    case CURSOR_MALFORMED:
        return gate_refuse(host, "InvalidCursor", "Failed to parse cursor");
    case CURSOR_ELSEWHERE:
        break;
    }
    return other_query(host);
}

/*
 * Replaces an end of the plan: behind the key, or before it. Behind the last key that there can be
 * is nothing, and no end.
 */
static cordon_error *set_end(struct query_plan *plan, bool is_high, struct slice key, bool behind)
{
    struct buffer *end = is_high ? &plan->high : &plan->low;
    buffer_clear(end);
    TRY(buffer_append(end, key));
    if (behind && !query_pass_prefix(end)) {
        plan->empty = plan->empty || !is_high;
    }
    return NULL;
}

/* What is behind the cursor, and not behind the end cursor. */
static enum gate_result narrow_plan(struct host *host, struct page *page)
{
    const bool descending = page->open.query.descending;
    struct cursor_position position = {.is_end = false};
    if (page->wish.cursor.size > 0) {
        GATE_CHECK(read_cursor(host, page, page->wish.cursor, &page->from, &position));
        if (position.is_end) {
            page->plan.empty = true;
        } else {
            GATE_TRY(host, set_end(&page->plan, descending, position.key, !descending));
        }
    }
    if (page->wish.end.size > 0) {
        GATE_CHECK(read_cursor(host, page, page->wish.end, &page->to, &position));
        page->has_end = true;
        page->end_is_last = position.is_end;
        if (!position.is_end) {
            GATE_TRY(host, set_end(&page->plan, !descending, position.key, !descending));
        }
    }
    const struct slice high = buffer_slice(&page->plan.high);
    if (high.size > 0 && slice_compare(buffer_slice(&page->plan.low), high) >= 0) {
        page->plan.empty = true; /* the end is not behind the beginning */
    }
    return GATE_OK;
}

/* -- Reading -------------------------------------------------------------------------------- */

static cordon_error *add_document(struct page *page, const struct row *row)
{
    if (page->documents.size > 0) {
        TRY(buffer_append_byte(&page->documents, ','));
    }
    page->count++;
    return buffer_append(&page->documents, row->json);
}

/* Keeps each `stride`th document read, and when they are too many, each second of them. */
static cordon_error *add_mark(struct page *page, struct slice json)
{
    if (page->mark_count == MARKS_MAX && page->rows_read % page->stride == 0) {
        page->mark_count = MARKS_MAX / 2;
        page->stride *= 2;
        for (size_t i = 0; i < MARKS_MAX / 2; i++) {
            const struct buffer dropped = page->marks[i];
            page->marks[i] = page->marks[2 * i + 1];
            page->marks[2 * i + 1] = dropped;
        }
    }
    if (page->rows_read % page->stride != 0) {
        return NULL;
    }
    struct buffer *mark = &page->marks[page->mark_count++];
    buffer_clear(mark);
    return buffer_append(mark, json);
}

static bool is_near_limits(const struct host *host, const struct page *page)
{
    const struct budget *budget = host->options.budget;
    return page->rows_read > budget->allowed[CORDON_LIMIT_DOCUMENTS_READ] / 4 * 3 ||
           page->bytes_read > budget->allowed[CORDON_LIMIT_BYTES_READ] / 4 * 3;
}

/* Whether one more document might be too much for the run, whatever it has read beside the page. */
static bool is_spent(const struct host *host)
{
    const struct budget *budget = host->options.budget;
    const uint64_t most = budget->allowed[CORDON_LIMIT_DOCUMENT_BYTES];
    const uint64_t share = budget->allowed[CORDON_LIMIT_BYTES_READ] / 8;
    return budget_left(budget, CORDON_LIMIT_DOCUMENTS_READ) == 0 ||
           budget_left(budget, CORDON_LIMIT_BYTES_READ) < (most < share ? most : share);
}

/* Whether the page is at its end, though documents may be left. */
static bool is_full(const struct host *host, struct page *page)
{
    const bool spent = is_spent(host);
    if (page->has_end) {
        page->status = spent ? PAGE_SPLIT_REQUIRED : PAGE_FINE;
        return spent;
    }
    if (page->count >= page->wish.page_size) {
        return true;
    }
    const bool is_long = spent || is_near_limits(host, page) || page->count >= PAGE_ROWS_MAX ||
                         page->rows_read >= page->wish.rows_max ||
                         page->bytes_read >= page->wish.bytes_max;
    page->status = is_long ? PAGE_SPLIT_REQUIRED : PAGE_FINE;
    return is_long;
}

/* Where a document lies in the order of the query, which takes it apart. */
static enum gate_result find_position(
    struct host *host,
    struct gate_call *call,
    const struct page *page,
    struct slice json,
    struct buffer *out)
{
    if (!gate_charge(host, call, json.size * QUERY_FUEL_PER_BYTE)) {
        return GATE_STOP;
    }
    GATE_TRY(host, query_position(&page->open, json, out));
    return GATE_OK;
}

/* Reads on until the page is full or the query at its end. May wait. */
static enum gate_result read_documents(struct host *host, struct gate_call *call, struct page *page)
{
    for (;;) {
        struct query_document document;
        GATE_CHECK(query_step(host, call, &page->open, &document));
        if (!document.found) {
            page->done = true;
            return GATE_OK;
        }
        page->rows_read++;
        page->bytes_read += document.row.size;
        GATE_TRY(host, add_mark(page, document.row.json));
        if (document.passes) {
            GATE_TRY(host, add_document(page, &document.row));
        }
        if (is_full(host, page)) {
            return find_position(host, call, page, document.row.json, &page->position);
        }
    }
}

/* The same, and where the page may be split. */
static enum gate_result read_page(struct host *host, struct gate_call *call, struct page *page)
{
    GATE_CHECK(read_documents(host, call, page));
    if (page->status == PAGE_FINE && (is_near_limits(host, page) || page->count > PAGE_ROWS_LONG)) {
        page->status = PAGE_SPLIT_RECOMMENDED;
    }
    if (page->rows_read < SPLIT_ROWS_MIN) {
        return GATE_OK;
    }
    const struct slice middle = buffer_slice(&page->marks[page->mark_count / 2]);
    return find_position(host, call, page, middle, &page->split);
}

/* -- The answer ----------------------------------------------------------------------------- */

static cordon_error *write_cursor(
    struct host *host, const struct page *page, const struct cursor_position *position)
{
    TRY(buffer_append_byte(&host->reply, '"'));
    TRY(cursor_write(host, page->fingerprint, position, &host->reply));
    return buffer_append_byte(&host->reply, '"');
}

static cordon_error *write_split(struct host *host, const struct page *page)
{
    if (page->split.size == 0) {
        return buffer_append(&host->reply, SLICE("null"));
    }
    const struct cursor_position position = {.key = buffer_slice(&page->split)};
    return write_cursor(host, page, &position);
}

/* Where the next page goes on. */
static cordon_error *write_continue(struct host *host, const struct page *page)
{
    if (page->has_end) { /* where it was said, whatever was there */
        TRY(buffer_append_byte(&host->reply, '"'));
        TRY(buffer_append(&host->reply, page->wish.end));
        return buffer_append_byte(&host->reply, '"');
    }
    const struct cursor_position position = {
        .is_end = page->done, .key = buffer_slice(&page->position)};
    return write_cursor(host, page, &position);
}

static cordon_error *write_answer(struct host *host, const struct page *page)
{
    static const char *const statuses[] = {
        [PAGE_FINE] = "null",
        [PAGE_SPLIT_RECOMMENDED] = "\"SplitRecommended\"",
        [PAGE_SPLIT_REQUIRED] = "\"SplitRequired\"",
    };
    const bool is_done = page->has_end ? page->end_is_last : page->done;
    buffer_clear(&host->reply);
    TRY(buffer_append(&host->reply, SLICE("{\"page\":[")));
    TRY(buffer_append(&host->reply, buffer_slice(&page->documents)));
    TRY(buffer_printf(
        &host->reply, "],\"isDone\":%s,\"continueCursor\":", is_done ? "true" : "false"));
    TRY(write_continue(host, page));
    TRY(buffer_append(&host->reply, SLICE(",\"splitCursor\":")));
    TRY(write_split(host, page));
    return buffer_printf(&host->reply, ",\"pageStatus\":%s}", statuses[page->status]);
}

/* -- Life ----------------------------------------------------------------------------------- */

void page_free(struct host *host)
{
    struct page *page = host->page;
    if (page == NULL) {
        return;
    }
    host->page = NULL;
    query_close(&page->open);
    query_plan_done(&page->plan);
    buffer_done(&page->from);
    buffer_done(&page->to);
    buffer_done(&page->documents);
    buffer_done(&page->position);
    buffer_done(&page->split);
    for (size_t i = 0; i < MARKS_MAX; i++) {
        buffer_done(&page->marks[i]);
    }
    account_free(host->options.account, page, sizeof *page);
}

static cordon_error *page_new(struct host *host, struct page **out_page)
{
    struct account *account = host->options.account;
    struct page *page = account_realloc(account, NULL, 0, sizeof *page);
    if (page == NULL) {
        return account_error(account);
    }
    *page = (struct page){.stride = 1};
    struct buffer *const buffers[] = {
        &page->from, &page->to, &page->documents, &page->position, &page->split,
    };
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        buffer_init_charged(buffers[i], PAGE_BYTES_MAX, account);
    }
    for (size_t i = 0; i < MARKS_MAX; i++) {
        buffer_init_charged(&page->marks[i], PAGE_BYTES_MAX, account);
    }
    *out_page = page;
    return NULL;
}

/* Plans the page. May wait, and then begins again. */
static enum gate_result begin_page(struct host *host, struct gate_call *call, struct page *page)
{
    GATE_CHECK(read_wish(host, call, &page->wish));
    GATE_CHECK(query_plan(host, call, "queryPage", &page->open, &page->plan));
    GATE_TRY(host, cursor_fingerprint(&page->open, page->fingerprint));
    GATE_CHECK(narrow_plan(host, page));
    if (!page->has_end && !page->open.query.has_filters &&
        (page->plan.most == 0 || page->wish.page_size < page->plan.most)) {
        page->plan.most = page->wish.page_size;
    }
    return query_start(host, &page->open, &page->plan);
}

/* Makes the page that is to be read, unless it is there from before a wait. */
static enum gate_result ensure_page(struct host *host, struct gate_call *call)
{
    if (host->page != NULL) {
        return GATE_OK;
    }
    if (host->has_paged) {
        return gate_refuse(
            host, "MultiplePaginatedDatabaseQueries",
            "This query or mutation function ran multiple paginated queries. Only one can be run "
            "in "
            "each function; use `.collect()` or `.take()` for the others.");
    }
    GATE_TRY(host, page_new(host, &host->page));
    const enum gate_result result = begin_page(host, call, host->page);
    if (result == GATE_OK) {
        host->has_paged = true;
    } else {
        page_free(host);
    }
    return result;
}

enum gate_result db_query_page(struct host *host, struct gate_call *call)
{
    GATE_CHECK(ensure_page(host, call));
    const enum gate_result result = read_page(host, call, host->page);
    if (result == GATE_WAIT) {
        return result;
    }
    cordon_error *error = result == GATE_OK ? write_answer(host, host->page) : NULL;
    page_free(host);
    GATE_TRY(host, error);
    call->length = host->reply.size;
    return result;
}
