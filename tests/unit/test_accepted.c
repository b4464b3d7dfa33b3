/* Tokens that were accepted lately: auth/accepted.h. */
#include "auth/accepted.h"
#include "support/expect.h"

#include <stdio.h>

static struct auth_accepted *accepted;
static const int provider;

static int set_up(void **state)
{
    (void)state;
    expect_ok(auth_accepted_new(&accepted));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    auth_accepted_free(accepted);
    return 0;
}

static struct auth_token_id id_of(const char *tenant, const char *token)
{
    return auth_token_id_of(slice_str(tenant), slice_str(token));
}

static void add(const struct auth_token_id *id, struct slice token, struct slice json)
{
    const struct auth_acceptance acceptance = {
        .provider = &provider,
        .reading = 3,
        .times = {.has_expiry = true, .expires_s = 7},
        .identity = {.token = token, .json = json, .hash = "0123456789abcdef"},
    };
    auth_accepted_add(accepted, id, &acceptance);
}

static bool find(
    const struct auth_token_id *id, struct buffer *text, struct auth_acceptance *out_found)
{
    return auth_accepted_look(accepted, id, out_found) &&
           auth_accepted_take(accepted, id, out_found, text);
}

static bool has(const struct auth_token_id *id)
{
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, AUTH_ACCEPTED_BYTES_MAX);
    struct auth_acceptance found;
    return find(id, &text, &found);
}

static void what_was_kept_is_found(void **state)
{
    (void)state;
    const struct auth_token_id id = id_of("acme", "a.b.c");
    char token[] = "i|ada";
    char json[] = "{\"name\":\"Ada\"}";
    assert_false(has(&id));
    add(&id, slice_str(token), slice_str(json));
    memset(token, 'x', sizeof token - 1); /* it has a copy */
    memset(json, 'x', sizeof json - 1);
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, IDENTITY_BYTES_MAX);
    expect_ok(buffer_append(&text, SLICE("before")));
    struct auth_acceptance found;
    assert_true(find(&id, &text, &found));
    assert_ptr_equal(found.provider, &provider);
    assert_int_equal(found.reading, 3);
    assert_true(found.times.has_expiry && found.times.expires_s == 7);
    assert_true(slice_equal(found.identity.token, SLICE("i|ada")));
    assert_true(slice_equal(found.identity.json, SLICE("{\"name\":\"Ada\"}")));
    assert_string_equal(found.identity.hash, "0123456789abcdef");
    assert_true(slice_equal(buffer_slice(&text), SLICE("beforei|ada{\"name\":\"Ada\"}")));
}

static void tenant_and_token_both_count(void **state)
{
    (void)state;
    const struct auth_token_id id = id_of("acme", "a.b.c");
    const struct auth_token_id others[] = {
        id_of("acm", "ea.b.c"), id_of("acmea", ".b.c"), id_of("default", "a.b.c"),
        id_of("acme", "a.b.d"), id_of("", "acmea.b.c")};
    add(&id, SLICE("i|ada"), SLICE("{}"));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(has(&others[i]));
    }
}

/* Two whose hashes begin alike have one place. */
static void a_later_one_takes_the_place(void **state)
{
    (void)state;
    const struct auth_token_id first = {{1, 2, 3}};
    const struct auth_token_id second = {{1, 2, 4}};
    add(&first, SLICE("i|ada"), SLICE("{}"));
    add(&second, SLICE("i|bob"), SLICE("{}"));
    assert_false(has(&first));
    assert_true(has(&second));
}

/* What it needs is bounded by the number of places, so nobody's large ones are in others' way. */
static void a_text_has_a_bound(void **state)
{
    (void)state;
    static uint8_t large[AUTH_ACCEPTED_BYTES_MAX];
    memset(large, 'a', sizeof large);
    const struct auth_token_id ids[] = {{{0, 0}}, {{0, 1}}};
    add(&ids[0], SLICE("i|ada"), slice_of(large, sizeof large - 5));
    add(&ids[1], SLICE("i|adam"), slice_of(large, sizeof large - 5));
    assert_true(has(&ids[0]));
    assert_false(has(&ids[1]));
}

static void what_no_longer_holds_goes(void **state)
{
    (void)state;
    const struct auth_token_id id = id_of("acme", "a.b.c");
    const struct auth_token_id alike = {{id.hash[0], id.hash[1], (uint8_t)~id.hash[2]}};
    add(&id, SLICE("i|ada"), SLICE("{}"));
    auth_accepted_drop(accepted, &alike); /* another one, of the same place */
    assert_true(has(&id));
    auth_accepted_drop(accepted, &id);
    assert_false(has(&id));
}

/* Between the look and the taking, keys may be read and the token accepted by those. */
static void what_was_looked_at_is_taken_or_nothing(void **state)
{
    (void)state;
    const struct auth_token_id id = id_of("acme", "a.b.c");
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, AUTH_ACCEPTED_BYTES_MAX);
    struct auth_acceptance found;
    add(&id, SLICE("i|ada"), SLICE("{}"));
    assert_true(auth_accepted_look(accepted, &id, &found));
    const struct auth_acceptance later = {
        .provider = &provider,
        .reading = found.reading + 1,
        .identity = {.token = SLICE("i|ada"), .json = SLICE("{}")}};
    auth_accepted_add(accepted, &id, &later);
    assert_false(auth_accepted_take(accepted, &id, &found, &text));
    assert_int_equal(text.size, 0);
}

static void without_room_for_the_text_it_is_not_found(void **state)
{
    (void)state;
    const struct auth_token_id id = id_of("acme", "a.b.c");
    add(&id, SLICE("i|ada"), SLICE("{}"));
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, 6);
    struct auth_acceptance found;
    assert_false(find(&id, &text, &found));
    assert_int_equal(text.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_kept_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tenant_and_token_both_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_later_one_takes_the_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_text_has_a_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_no_longer_holds_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_looked_at_is_taken_or_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            without_room_for_the_text_it_is_not_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
