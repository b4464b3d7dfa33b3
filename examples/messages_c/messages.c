/*
 * A message board, a counter, functions that call those, and a few probes: the same functions as in
 * ../messages_rust.
 *
 * What each is called by, with which arguments, stands in the table; the bodies rely on it, since
 * the host has checked the arguments by then.
 */
#include "cordon.h"

/* clang-format off */
#define MESSAGE                                                                                    \
    CORDON_OBJECT(                                                                                 \
        CORDON_FIELD("author", CORDON_STRING),                                                     \
        CORDON_FIELD("body", CORDON_STRING))

#define MESSAGE_DOCUMENT                                                                           \
    CORDON_DOCUMENT("messages",                                                                    \
        CORDON_FIELD("author", CORDON_STRING),                                                     \
        CORDON_FIELD("body", CORDON_STRING))

CORDON_SCHEMA(
    CORDON_TABLE("messages", MESSAGE, CORDON_INDEX("by_author", "author")),
    CORDON_TABLE("counters",
        CORDON_OBJECT(CORDON_FIELD("name", CORDON_STRING), CORDON_FIELD("value", CORDON_NUMBER)),
        CORDON_INDEX("by_name", "name")))

CORDON_FUNCTIONS(
    CORDON_QUERY("messages:list", list_messages,
        CORDON_NO_ARGS,
        CORDON_ARRAY(MESSAGE_DOCUMENT)),
    CORDON_MUTATION("messages:send", send_message,
        MESSAGE,
        CORDON_ID("messages")),
    CORDON_QUERY("messages:by_author", list_by_author,
        CORDON_OBJECT(CORDON_FIELD("author", CORDON_STRING)),
        CORDON_ARRAY(MESSAGE_DOCUMENT)),
    CORDON_QUERY("messages:page", page_messages,
        CORDON_OBJECT(CORDON_FIELD("paginationOpts", CORDON_PAGINATION_OPTIONS)),
        CORDON_PAGINATION_RESULT(MESSAGE_DOCUMENT)),
    CORDON_MUTATION("messages:fail", send_and_fail,
        MESSAGE,
        CORDON_NULL),
    CORDON_QUERY("math:fib", compute_fib,
        CORDON_OBJECT(CORDON_FIELD("n", CORDON_NUMBER)),
        CORDON_NUMBER),
    CORDON_ACTION("echo:now", tell_time,
        CORDON_NO_ARGS,
        CORDON_OBJECT(CORDON_FIELD("now", CORDON_NUMBER), CORDON_FIELD("random", CORDON_NUMBER))),
    CORDON_QUERY("echo:env", tell_env,
        CORDON_OBJECT(CORDON_FIELD("name", CORDON_STRING)),
        CORDON_UNION(CORDON_STRING, CORDON_NULL)),
    CORDON_MUTATION("counters:add", add_to_counter,
        CORDON_OBJECT(CORDON_FIELD("name", CORDON_STRING), CORDON_FIELD("by", CORDON_NUMBER)),
        CORDON_NUMBER),
    CORDON_QUERY("noop:noop", do_nothing,
        CORDON_NO_ARGS,
        CORDON_NULL),
    CORDON_QUERY("calls:count", count_messages,
        CORDON_OBJECT(CORDON_FIELD("author", CORDON_STRING)),
        CORDON_NUMBER),
    CORDON_MUTATION("calls:send", send_and_try,
        MESSAGE,
        CORDON_OBJECT(
            CORDON_FIELD("sent", CORDON_ID("messages")),
            CORDON_FIELD("refused", CORDON_STRING))),
    CORDON_MUTATION("calls:fail", send_and_pass_on,
        MESSAGE,
        CORDON_NULL),
    CORDON_ACTION("calls:act", send_and_report,
        MESSAGE,
        CORDON_OBJECT(
            CORDON_FIELD("count", CORDON_NUMBER),
            CORDON_FIELD("now", CORDON_NUMBER),
            CORDON_FIELD("sent", CORDON_ID("messages")))),
    CORDON_QUERY("calls:depth", count_depth,
        CORDON_NO_ARGS,
        CORDON_NUMBER))
/* clang-format on */

#include <math.h>
#include <string.h>

cordon_value *list_messages(void)
{
    return cordon_db_list("messages");
}

cordon_value *send_message(void)
{
    return cordon_string(cordon_db_insert("messages", cordon_args()));
}

/* What one author wrote, the newest first. */
cordon_value *list_by_author(void)
{
    cordon_query *const query = cordon_query_index("messages", "by_author");
    cordon_query_eq(query, "author", cordon_get(cordon_args(), "author"));
    cordon_query_order(query, CORDON_DESC);
    return cordon_query_collect(query);
}

/* All messages, page by page, the newest first. */
cordon_value *page_messages(void)
{
    cordon_query *const query = cordon_query_table("messages");
    cordon_query_order(query, CORDON_DESC);
    return cordon_query_page(query, cordon_get(cordon_args(), "paginationOpts"));
}

/* The failure takes the message with it. */
cordon_value *send_and_fail(void)
{
    cordon_db_insert("messages", cordon_args());
    cordon_fail_data(cordon_set(cordon_object(), "code", cordon_string("refused")));
}

/* By plain recursion, as there is something to measure then. */
static uint64_t fib(uint32_t n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

cordon_value *compute_fib(void)
{
    const double n = cordon_to_number(cordon_get(cordon_args(), "n"));
    if (n < 0 || n > UINT32_MAX || n != floor(n)) {
        cordon_fail("n must be a whole number from 0 to 4294967295");
    }
    return cordon_number((double)fib((uint32_t)n));
}

cordon_value *tell_time(void)
{
    cordon_value *const answer = cordon_object();
    cordon_set(answer, "now", cordon_number((double)cordon_now_ms()));
    cordon_set(answer, "random", cordon_number(cordon_random_number()));
    return answer;
}

/* An environment variable, which `cordon env set` sets. */
cordon_value *tell_env(void)
{
    const char *const name = cordon_to_string(cordon_get(cordon_args(), "name"));
    const char *const value = cordon_env_get(name);
    return value == NULL ? cordon_null() : cordon_string(value);
}

/* One document for each name, made at its first use. */
static cordon_value *find_counter(const cordon_value *name)
{
    cordon_query *const query = cordon_query_index("counters", "by_name");
    return cordon_query_unique(cordon_query_eq(query, "name", name));
}

cordon_value *add_to_counter(void)
{
    cordon_value *const name = cordon_get(cordon_args(), "name");
    const double by = cordon_to_number(cordon_get(cordon_args(), "by"));

    const cordon_value *const counter = find_counter(name);
    cordon_value *const fields = cordon_object();
    if (counter == NULL) {
        cordon_set(fields, "name", name);
        cordon_set(fields, "value", cordon_number(by));
        cordon_db_insert("counters", fields);
    } else {
        const double value = cordon_to_number(cordon_get(counter, "value")) + by;
        cordon_set(fields, "value", cordon_number(value));
        cordon_db_patch(cordon_to_string(cordon_get(counter, "_id")), fields);
    }
    return cordon_get(fields, "value");
}

cordon_value *do_nothing(void)
{
    return NULL;
}

/* How many messages there are of an author. */
cordon_value *count_messages(void)
{
    const cordon_value *const messages =
        cordon_run_query("messages:by_author", cordon_args(), NULL);
    return cordon_number((double)cordon_count(messages));
}

/*
 * Sends a message, then calls what sends it once more and fails: of that nothing is left, and
 * nothing else is lost.
 */
cordon_value *send_and_try(void)
{
    cordon_value *failure;
    cordon_value *const sent = cordon_run_mutation("messages:send", cordon_args(), NULL);
    (void)cordon_run_mutation("messages:fail", cordon_args(), &failure);
    cordon_value *const answer = cordon_set(cordon_object(), "sent", sent);
    return cordon_set(answer, "refused", cordon_get(cordon_get(failure, "data"), "code"));
}

/* The same, without a word about the failure: it is the caller's then, who loses all. */
cordon_value *send_and_pass_on(void)
{
    (void)cordon_run_mutation("messages:send", cordon_args(), NULL);
    return cordon_run_mutation("messages:fail", cordon_args(), NULL);
}

/* Each call is a run of its own, and sees what those before it wrote. */
cordon_value *send_and_report(void)
{
    cordon_value *const author = cordon_get(cordon_args(), "author");
    cordon_value *const of_author = cordon_object();
    cordon_value *const answer = cordon_object();
    cordon_set(of_author, "author", author);
    cordon_set(answer, "sent", cordon_action_run_mutation("messages:send", cordon_args(), NULL));
    cordon_set(answer, "count", cordon_action_run_query("calls:count", of_author, NULL));
    return cordon_set(
        answer, "now", cordon_get(cordon_action_run_action("echo:now", NULL, NULL), "now"));
}

/* How deep calls may nest, with this one: calls itself until that is refused. */
cordon_value *count_depth(void)
{
    cordon_value *failure;
    const cordon_value *const below = cordon_run_query("calls:depth", NULL, &failure);
    if (failure == NULL) {
        return cordon_number(cordon_to_number(below) + 1);
    }
    const char *const code = cordon_to_string(cordon_get(failure, "code"));
    if (strcmp(code, "MaximumCallDepthExceeded") != 0) {
        cordon_fail(code);
    }
    return cordon_number(1);
}
