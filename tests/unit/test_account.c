/*
 * The account of memory: to the byte at its ceiling, in lumps at its source, and in balance with
 * everything that was born with one, whichever way it ends.
 */
#include "base/account.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "support/size.h"
#include "value/json.h"
#include "value/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A source that counts who asks. */
struct purse {
    uint64_t left;
    uint64_t lent;
    unsigned asked;
};

static bool purse_take(void *owner, uint64_t bytes)
{
    struct purse *purse = owner;
    purse->asked++;
    if (bytes > purse->left) {
        return false;
    }
    purse->left -= bytes;
    purse->lent += bytes;
    return true;
}

static void purse_give(void *owner, uint64_t bytes)
{
    struct purse *purse = owner;
    purse->asked++;
    assert_true(bytes <= purse->lent);
    purse->left += bytes;
    purse->lent -= bytes;
}

static void init_over(struct account *account, uint64_t held_max, struct purse *purse)
{
    const struct account_source source = {purse_take, purse_give, purse};
    account_init(account, held_max, &source);
}

static void assert_code(cordon_error *error, cordon_error_code code)
{
    assert_non_null(error);
    assert_int_equal(cordon_error_get_code(error), code);
    cordon_error_free(error);
}

/* -- The account itself ---------------------------------------------------------------------- */

static void it_holds_what_is_allowed_and_no_byte_more(void **state)
{
    (void)state;
    struct account account;
    account_init(&account, 100, NULL);
    assert_true(account_charge(&account, 60));
    assert_true(account_charge(&account, 40));
    assert_int_equal(account_left(&account), 0);
    assert_true(account_charge(&account, 0));
    assert_int_equal(account.refusal, ACCOUNT_NOT_REFUSED);
    assert_false(account_charge(&account, 1));
    assert_int_equal(account.refusal, ACCOUNT_FULL);
    assert_int_equal(account.wanted, 101);
    assert_false(account_charge(&account, UINT64_MAX));
    assert_int_equal(account.wanted, UINT64_MAX);
    account_release(&account, 70);
    assert_int_equal(account.held, 30);
    assert_int_equal(account.peak, 100);
    assert_true(account_charge(&account, 70));
}

static void its_source_is_asked_in_lumps(void **state)
{
    (void)state;
    struct purse purse = {.left = 1 << 20};
    struct account account;
    init_over(&account, UINT64_MAX, &purse);
    for (size_t i = 0; i < ACCOUNT_LUMP_BYTES; i++) { /* little, and often */
        assert_true(account_charge(&account, 1));
    }
    assert_int_equal(purse.asked, 1);
    for (size_t i = 0; i < 1000; i++) { /* to and fro over the edge of a lump */
        assert_true(account_charge(&account, 100));
        account_release(&account, 100);
    }
    assert_int_equal(purse.asked, 2);
    assert_true(account_charge(&account, 300000));
    assert_int_equal(purse.asked, 3);
    assert_true(account.taken >= account.held);
    assert_true(account.taken < account.held + 2 * ACCOUNT_LUMP_BYTES);
    account_release(&account, 300000);
    assert_int_equal(purse.asked, 4);
    account_release(&account, ACCOUNT_LUMP_BYTES);
    assert_int_equal(account.held, 0);
    assert_int_equal(account.taken, purse.lent);
    assert_true(account.taken <= 2 * ACCOUNT_LUMP_BYTES);
}

/* The last of the source is taken to the byte. */
static void a_spent_source_refuses(void **state)
{
    (void)state;
    struct purse purse = {.left = ACCOUNT_LUMP_BYTES + 100};
    struct account account;
    init_over(&account, UINT64_MAX, &purse);
    assert_true(account_charge(&account, ACCOUNT_LUMP_BYTES));
    assert_false(account_charge(&account, 101));
    assert_int_equal(account.refusal, ACCOUNT_SOURCE_SPENT);
    assert_int_equal(account.wanted, ACCOUNT_LUMP_BYTES + 101);
    assert_int_equal(account.held, ACCOUNT_LUMP_BYTES);
    assert_code(account_error(&account), CORDON_E_OVERLOADED);
    assert_true(account_charge(&account, 100));
    assert_int_equal(purse.left, 0);
    assert_int_equal(account.taken, purse.lent);
}

static void what_is_taken_beside_brings_the_first_lump(void **state)
{
    (void)state;
    struct purse purse = {.left = 3 * ACCOUNT_LUMP_BYTES};
    struct account account;
    init_over(&account, UINT64_MAX, &purse);
    assert_true(account_take_beside(&account, 1000));
    assert_int_equal(purse.lent, ACCOUNT_LUMP_BYTES + 1000);
    assert_int_equal(account.taken, ACCOUNT_LUMP_BYTES);
    assert_int_equal(account.held, 0);
    assert_true(account_charge(&account, ACCOUNT_LUMP_BYTES));
    assert_int_equal(purse.asked, 1);
    assert_true(account_take_beside(&account, 1000));
    assert_int_equal(account.taken, ACCOUNT_LUMP_BYTES);
    assert_false(account_take_beside(&account, 3 * ACCOUNT_LUMP_BYTES));

    struct purse small = {.left = 1000}; /* without the lump, if there is none */
    init_over(&account, UINT64_MAX, &small);
    assert_false(account_take_beside(&account, 1001));
    assert_true(account_take_beside(&account, 1000));
    assert_int_equal(account.taken, 0);

    account_init(&account, 10, NULL); /* nobody to ask */
    assert_true(account_take_beside(&account, 1000));
}

/* What it counts is the same over any source that does not refuse. */
static void its_numbers_do_not_depend_on_the_source(void **state)
{
    (void)state;
    struct purse purse = {.left = UINT64_MAX};
    struct account over;
    struct account alone;
    init_over(&over, 1 << 20, &purse);
    account_init(&alone, 1 << 20, NULL);
    uint64_t random = 1;
    for (size_t i = 0; i < test_size(100000); i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const uint64_t bytes = random >> 40 & 0x1ffff;
        if ((random >> 62) > 0) {
            assert_int_equal(account_charge(&over, bytes), account_charge(&alone, bytes));
        } else {
            const uint64_t less = bytes < over.held ? bytes : over.held;
            account_release(&over, less);
            account_release(&alone, less);
        }
        assert_int_equal(over.held, alone.held);
        assert_int_equal(over.peak, alone.peak);
        assert_int_equal(over.wanted, alone.wanted);
        assert_int_equal(over.taken, purse.lent);
        assert_true(over.taken >= over.held);
        assert_true(over.taken <= over.held + 2 * ACCOUNT_LUMP_BYTES);
    }
    assert_int_equal(over.refusal, ACCOUNT_FULL);
}

/* -- Who is born with one -------------------------------------------------------------------- */

static cordon_error *use_arena(struct account *account)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init_charged(&arena, account);
    for (size_t size = 1; size < 5000; size *= 3) {
        if (arena_alloc(&arena, size) == NULL) {
            return arena_error(&arena);
        }
        assert_int_equal(account->held, arena_bytes(&arena));
    }
    arena_reset(&arena);
    assert_int_equal(account->held, arena_bytes(&arena));
    return arena_alloc(&arena, 9000) == NULL ? arena_error(&arena) : NULL;
}

static cordon_error *use_buffer(struct account *account)
{
    CORDON_CLEANUP_BUFFER struct buffer buffer;
    buffer_init_charged(&buffer, SIZE_MAX, account);
    for (size_t i = 0; i < 300; i++) {
        TRY(buffer_printf(&buffer, "%zu and more, ", i));
        assert_int_equal(account->held, buffer.capacity);
    }
    size_t size = 0;
    uint8_t *taken = buffer_take(&buffer, &size);
    assert_int_equal(account->held, 0); /* whoever took it pays for it */
    mem_free(taken);
    return buffer_append(&buffer, SLICE("once more"));
}

/* `[[],[],…]`, of which no byte is allocated: it takes more nodes than are guessed at first. */
static struct slice text_of(size_t count)
{
    static char text[3 * 3000 + 2];
    assert_true(3 * count + 1 <= sizeof text);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + 3 * i, i == 0 ? "[[]" : ",[]", 3);
    }
    text[3 * count] = ']';
    return slice_of(text, 3 * count + 1);
}

static cordon_error *use_json(struct account *account, size_t count)
{
    const struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = 8, .account = account};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(text_of(count), &limits, &doc));
    assert_int_equal(account->held, json_doc_bytes(doc));
    return NULL;
}

static cordon_error *use_short_json(struct account *account)
{
    return use_json(account, 50);
}

static cordon_error *use_long_json(struct account *account)
{
    return use_json(account, 3000);
}

static cordon_error *use_value(struct account *account)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init_charged(&arena, account);
    struct value value;
    TRY(value_parse(text_of(2000), &arena, &value));
    assert_int_equal(account->held, arena_bytes(&arena)); /* the document is gone */
    return NULL;
}

typedef cordon_error *use(struct account *account);
static use *const uses[] = {use_arena, use_buffer, use_short_json, use_long_json, use_value};
enum { USES = sizeof uses / sizeof uses[0] };

static void whoever_has_one_pays_first_and_gets_all_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < USES; i++) {
        struct purse purse = {.left = UINT64_MAX};
        struct account account;
        init_over(&account, UINT64_MAX, &purse);
        assert_null(uses[i](&account));
        assert_int_equal(account.held, 0);
        const uint64_t peak = account.peak;
        assert_true(peak > 0);

        init_over(&account, peak, &purse);
        assert_null(uses[i](&account));
        assert_int_equal(account.peak, peak);

        init_over(&account, peak - 1, &purse);
        assert_code(uses[i](&account), CORDON_E_TOO_LARGE);
        assert_int_equal(account.wanted, peak);
        assert_int_equal(account.held, 0);

        struct purse small = {.left = peak - 1};
        init_over(&account, UINT64_MAX, &small);
        assert_code(uses[i](&account), CORDON_E_OVERLOADED);
        assert_int_equal(account.held, 0);
        assert_int_equal(account.taken, small.lent);
    }
}

/* Each allocation failed in turn: it is told as that, and the account is in balance. */
static void a_lack_of_memory_is_no_refusal(void **state)
{
    (void)state;
    for (size_t i = 0; i < USES; i++) {
        for (uint64_t nth = 1;; nth++) {
            struct account account;
            account_init(&account, UINT64_MAX, NULL);
            account.refusal = ACCOUNT_FULL; /* as left by an earlier one */
            (void)mem_fail_nth(nth);
            cordon_error *error = uses[i](&account);
            const uint64_t made = mem_fail_nth(0);
            assert_int_equal(account.held, 0);
            if (made < nth) {
                assert_null(error);
                break;
            }
            if (error != NULL) { /* what failed may also have been given up without harm */
                assert_code(error, CORDON_E_NO_MEMORY);
            }
        }
    }
}

static void without_one_nobody_counts(void **state)
{
    (void)state;
    void *block = account_realloc(NULL, NULL, 0, 100);
    assert_non_null(block);
    block = account_realloc(NULL, block, 100, 200);
    assert_non_null(block);
    account_free(NULL, block, 200);
    assert_code(account_error(NULL), CORDON_E_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_what_is_allowed_and_no_byte_more),
        cmocka_unit_test(its_source_is_asked_in_lumps),
        cmocka_unit_test(a_spent_source_refuses),
        cmocka_unit_test(what_is_taken_beside_brings_the_first_lump),
        cmocka_unit_test(its_numbers_do_not_depend_on_the_source),
        cmocka_unit_test(whoever_has_one_pays_first_and_gets_all_back),
        cmocka_unit_test(a_lack_of_memory_is_no_refusal),
        cmocka_unit_test(without_one_nobody_counts),
    };
    return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
