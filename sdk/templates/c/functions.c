/*
 * The functions that can be called: by which name, with which arguments, stands in the table. The
 * bodies rely on it, as the host has checked the arguments by then.
 */
#include <math.h>

#include "cordon.h"

CORDON_FUNCTIONS(
    CORDON_QUERY("messages:list", list_messages, CORDON_NO_ARGS, CORDON_ARRAY(CORDON_ANY)),
    CORDON_MUTATION(
        "messages:send",
        send_message,
        CORDON_OBJECT(CORDON_FIELD("author", CORDON_STRING), CORDON_FIELD("body", CORDON_STRING)),
        CORDON_ID("messages")),
    CORDON_QUERY(
        "math:fib", compute_fib, CORDON_OBJECT(CORDON_FIELD("n", CORDON_NUMBER)), CORDON_NUMBER))

cordon_value *list_messages(void)
{
    return cordon_db_list("messages");
}

cordon_value *send_message(void)
{
    return cordon_string(cordon_db_insert("messages", cordon_args()));
}

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
