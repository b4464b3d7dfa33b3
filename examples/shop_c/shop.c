/*
 * What the program asks that runs it: `prices` of `shop` is no call of Cordon's but one of
 * examples/embed/embed.c.
 */
#include "cordon.h"

/* clang-format off */
CORDON_FUNCTIONS(
    CORDON_QUERY("shop:total", total,
        CORDON_OBJECT(CORDON_FIELD("tea", CORDON_NUMBER)),
        CORDON_NUMBER))
/* clang-format on */

CORDON_IMPORT("shop", "prices") cordon_host_call prices;

cordon_value *total(void)
{
    cordon_value *reply;
    if (!cordon_call(prices, cordon_object(), &reply)) {
        cordon_fail(cordon_to_string(cordon_get(reply, "message")));
    }
    const double price = cordon_to_number(cordon_get(reply, "tea"));
    return cordon_number(price * cordon_to_number(cordon_get(cordon_args(), "tea")));
}
