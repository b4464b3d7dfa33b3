/*
 * The reader of values in the C SDK, which runs in guests, against the host's own. Whatever text it
 * is given it reads within its bounds, and what it has read it writes so that it is read again as
 * the same. Every value that the host writes for a guest comes back from it as an equal value.
 *
 * The SDK is compiled for this machine here. No host call is made.
 */
#include "../sdk/c/cordon.h"

#include "base/arena.h"
#include "value/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define UNUSED_CALL(name)                                                                          \
    int64_t name(const void *range, size_t size)                                                   \
    {                                                                                              \
        (void)range;                                                                               \
        (void)size;                                                                                \
        const bool is_host_call = true;                                                            \
        CORDON_ASSERT(!is_host_call);                                                              \
        return 0;                                                                                  \
    }

UNUSED_CALL(cordon_host_input_read)
UNUSED_CALL(cordon_host_reply_read)
UNUSED_CALL(cordon_host_output_write)
UNUSED_CALL(cordon_host_fail)
UNUSED_CALL(cordon_host_log)
UNUSED_CALL(cordon_host_random_fill)
UNUSED_CALL(cordon_host_left)
UNUSED_CALL(cordon_host_get)
UNUSED_CALL(cordon_host_query_stream)
UNUSED_CALL(cordon_host_query_stream_next)
UNUSED_CALL(cordon_host_query_cleanup)
UNUSED_CALL(cordon_host_insert)
UNUSED_CALL(cordon_host_shallow_merge)
UNUSED_CALL(cordon_host_replace)
UNUSED_CALL(cordon_host_remove)
UNUSED_CALL(cordon_host_crypto_random)
UNUSED_CALL(cordon_host_sleep)

int64_t cordon_host_now_ms(void)
{
    return 0;
}

/* What the guest makes of a text; NULL data: it does not read it. */
static struct slice through_guest(struct slice text)
{
    const cordon_value *const value = cordon_parse((const char *)text.data, text.size);
    if (value == NULL) {
        return (struct slice){0};
    }
    size_t size = 0;
    const char *const printed = cordon_print(value, &size);
    return slice_of(printed, size);
}

static void check_stable(struct slice text)
{
    const struct slice once = through_guest(text);
    if (once.data != NULL) {
        const struct slice twice = through_guest(once);
        CORDON_ASSERT(twice.data != NULL && slice_equal(once, twice));
    }
}

static void check_against_host(struct slice text, struct arena *arena, struct buffer *sent)
{
    struct value value = {0};
    cordon_error *error = value_parse(text, arena, &value);
    if (error != NULL) {
        cordon_error_free(error);
        return;
    }
    error = value_write_encoded(sent, &value);
    CORDON_ASSERT(error == NULL);
    const struct slice back = through_guest(buffer_slice(sent));
    CORDON_ASSERT(back.data != NULL);
    struct value again = {0};
    error = value_parse(back, arena, &again);
    CORDON_ASSERT(error == NULL && value_equal(&value, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    CORDON_CLEANUP_BUFFER struct buffer sent;
    arena_init(&arena, (size_t)1 << 30);
    buffer_init(&sent, SIZE_MAX);
    const cordon_mark mark = cordon_mark_now();
    check_stable(slice_of(data, size));
    check_against_host(slice_of(data, size), &arena, &sent);
    cordon_release(mark);
    return 0;
}
