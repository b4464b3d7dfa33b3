/*
 * Keys: the files of a folder, as they come, change and go, whose they are, and the headers that
 * bring one.
 */
#include "audit/actor.h"
#include "http/key_file.h"
#include "http/keys.h"

#include "base/memory.h"
#include "support/expect.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];

static void run_in_keys(const char *command)
{
    char line[512];
    (void)snprintf(line, sizeof line, "cd %s && %s", folder, command);
    assert_int_equal(system(line), 0); /* NOLINT(*-env33-c): commands of this file */
}

static bool accepts(struct keys *keys, const char *key)
{
    char header[512];
    (void)snprintf(header, sizeof header, "Convex %s", key);
    struct key_id id;
    return keys_judge(keys, SLICE("default"), slice_str(header), &id) == KEYS_ACCEPTED;
}

/* A key alone in a new folder, changed by a shell command before the server looks. */
static bool accepted_after(const char *command, bool seen_before)
{
    char pattern[] = "/tmp/cordon-keys-XXXXXX";
    assert_non_null(mkdtemp(pattern));
    memcpy(folder, pattern, sizeof pattern);
    char *key = NULL;
    struct keys *keys = NULL;
    expect_ok(key_file_make(folder, KEY_ADMIN, "default", &key));
    expect_ok(keys_new(folder, NULL, &keys));
    if (seen_before) {
        assert_true(accepts(keys, key));
    }
    run_in_keys(command);
    const bool accepted = accepts(keys, key);
    keys_free(keys);
    mem_free(key);
    run_in_keys("rm -r keys.d; rm -f .k");
    assert_int_equal(rmdir(folder), 0);
    return accepted;
}

static void key_files(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        bool accepted;
    } rows[] = {
        {"true", true},
        {"rm keys.d/*", false},
        {"chmod 644 keys.d/*", false},
        {"chmod 620 keys.d/*", false},
        {"chmod 777 keys.d", false},
        {"chmod 755 keys.d", true},
        {"chmod 644 keys.d/*; chmod 600 keys.d/*", true},
        {"mv keys.d/* keys.d/other", true},
        {"mv keys.d/* .k && ln -s ../.k keys.d/k", false},
        {"echo x >$(echo keys.d/*)", false},
        {"sed -i 's/[0-9a-f]$/x/' keys.d/*", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int seen_before = 0; seen_before < 2; seen_before++) {
            if (accepted_after(rows[i].command, seen_before != 0) != rows[i].accepted) {
                print_error("%s: %d\n", rows[i].command, seen_before);
                fail();
            }
        }
    }
}

static void key_headers(void **state)
{
    (void)state;
    char pattern[] = "/tmp/cordon-keys-XXXXXX";
    assert_non_null(mkdtemp(pattern));
    memcpy(folder, pattern, sizeof pattern);
    char *key = NULL;
    struct keys *keys = NULL;
    struct keys *none = NULL;
    expect_ok(key_file_make(folder, KEY_ADMIN, "default", &key));
    expect_ok(keys_new(folder, NULL, &keys));
    expect_ok(keys_new(NULL, NULL, &none));
    assert_true(accepts(keys, key));
    assert_false(accepts(none, key));
    struct key_id id;
    assert_int_equal(keys_judge(keys, SLICE("default"), slice_str(key), &id), KEYS_REFUSED);
    assert_int_equal(keys_judge(keys, SLICE("default"), (struct slice){0}, &id), KEYS_REFUSED);
    assert_string_equal(id.text, "");
    static const char *const wrong[] = {"", "x", "default|", "default|00"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_false(accepts(keys, wrong[i]));
    }
    static const char *const names[] = {"",          "|", "other|", "Default|", "prod:default|",
                                        "a|default|"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char other[128];
        (void)snprintf(other, sizeof other, "%s%s", names[i], strchr(key, '|') + 1);
        assert_false(accepts(keys, other));
    }
    char *last = key + strlen(key) - 1;
    *last = *last == '0' ? '1' : '0';
    assert_false(accepts(keys, key));
    *last = '\0';
    assert_false(accepts(keys, key));
    keys_free(keys);
    keys_free(none);
    mem_free(key);
    run_in_keys("rm -r keys.d; rm -f .k");
    assert_int_equal(rmdir(folder), 0);
}

/* -- Whose they are ------------------------------------------------------------------------- */

static void new_folder(void)
{
    char pattern[] = "/tmp/cordon-keys-XXXXXX";
    assert_non_null(mkdtemp(pattern));
    memcpy(folder, pattern, sizeof pattern);
}

static void remove_folder(void)
{
    run_in_keys("rm -r keys.d");
    assert_int_equal(rmdir(folder), 0);
}

/* What a key is called: the first digits of the hash of its secret. */
static struct key_id id_of(const char *key)
{
    uint8_t secret[KEY_SECRET_BYTES];
    struct key_file file;
    assert_true(hex_decode(slice_str(strchr(key, '|') + 1), secret, sizeof secret));
    const struct slice part = slice_of(secret, sizeof secret);
    hash_sha256(&part, 1, file.hash);
    return key_file_id(&file);
}

/* One that is accepted is named, and no other. */
static enum keys_verdict judge(
    struct keys *keys, const char *tenant, const char *scheme, const char *key)
{
    char header[512];
    (void)snprintf(header, sizeof header, "%s %s", scheme, key);
    struct key_id id;
    const enum keys_verdict verdict =
        tenant == NULL ? keys_judge_operator(keys, slice_str(header), &id)
                       : keys_judge(keys, slice_str(tenant), slice_str(header), &id);
    assert_string_equal(id.text, verdict == KEYS_ACCEPTED ? id_of(key).text : "");
    return verdict;
}

static void a_key_is_of_one_tenant_or_of_the_operator(void **state)
{
    (void)state;
    new_folder();
    static const char *const owners[] = {"default", "acme", "acme2", "operator", NULL};
    char *made[COUNT(owners)];
    struct keys *keys = NULL;
    for (size_t i = 0; i < COUNT(owners); i++) {
        const enum key_kind kind = owners[i] == NULL ? KEY_OPERATOR : KEY_ADMIN;
        expect_ok(key_file_make(folder, kind, owners[i], &made[i]));
    }
    expect_ok(keys_new(folder, NULL, &keys));
    for (size_t i = 0; i < COUNT(owners); i++) {
        for (size_t j = 0; j < COUNT(owners); j++) {
            const bool accepted = judge(keys, owners[j], "Convex", made[i]) == KEYS_ACCEPTED;
            assert_int_equal(accepted, i == j);
            /* Under another's name it is none of theirs either. */
            char renamed[192];
            const char *name = owners[j] == NULL ? "operator" : owners[j];
            (void)snprintf(renamed, sizeof renamed, "%s%s", name, strchr(made[i], '|'));
            assert_int_equal(judge(keys, owners[j], "Convex", renamed) == KEYS_ACCEPTED, i == j);
        }
        assert_int_equal(
            judge(keys, owners[i], "Bearer", made[i]) == KEYS_ACCEPTED, owners[i] == NULL);
    }
    /* Its file decides, also once it is known. */
    run_in_keys("sed -i 's/^tenant acme$/tenant other/' keys.d/*");
    assert_int_equal(judge(keys, "acme", "Convex", made[1]), KEYS_REFUSED);
    assert_int_equal(judge(keys, "acme2", "Convex", made[2]), KEYS_ACCEPTED);
    for (size_t i = 0; i < COUNT(owners); i++) {
        mem_free(made[i]);
    }
    keys_free(keys);
    remove_folder();
}

static void files_of_earlier_versions_are_of_the_default_tenant(void **state)
{
    (void)state;
    new_folder();
    struct keys *keys = NULL;
    char line[160];
    char hash_hex[2 * SHA256_BYTES + 1];
    const uint8_t secret[KEY_SECRET_BYTES] = {1};
    uint8_t hash[SHA256_BYTES];
    const struct slice part = slice_of(secret, sizeof secret);
    hash_sha256(&part, 1, hash);
    hex_encode(slice_of(hash, sizeof hash), hash_hex);
    (void)snprintf(
        line, sizeof line,
        "mkdir keys.d && umask 077 && echo cordon admin key 1 sha256 %s >keys.d/a", hash_hex);
    run_in_keys(line);
    expect_ok(keys_new(folder, NULL, &keys));
    char key[128] = "default|";
    hex_encode(part, key + strlen(key));
    assert_int_equal(judge(keys, "default", "Convex", key), KEYS_ACCEPTED);
    assert_int_equal(judge(keys, "acme", "Convex", key), KEYS_REFUSED);
    keys_free(keys);
    remove_folder();
}

static void files_that_say_something_else_are_none(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "sed -i 's/^tenant .*/tenant Acme/'",
        "sed -i 's/^tenant .*/tenant -/'",
        "sed -i '/^tenant/d'",
        "sed -i '/^made/d'",
        "sed -i 's/^made .*/made x/'",
        "sed -i 's/^made .*/made 99999999999999999999/'",
        "sed -i '$ a more'",
        "sed -i 's/key 2/key 3/'",
        "sed -i 's/admin/operator/'",
        "sed -i 's/ sha256 /&0/'",
    };
    for (size_t i = 0; i < COUNT(changes); i++) {
        new_folder();
        char *key = NULL;
        struct keys *keys = NULL;
        char command[256];
        expect_ok(key_file_make(folder, KEY_ADMIN, "acme", &key));
        expect_ok(keys_new(folder, NULL, &keys));
        assert_int_equal(judge(keys, "acme", "Convex", key), KEYS_ACCEPTED);
        (void)snprintf(command, sizeof command, "%s keys.d/*", changes[i]);
        run_in_keys(command);
        if (judge(keys, "acme", "Convex", key) != KEYS_REFUSED ||
            judge(keys, NULL, "Convex", key) != KEYS_REFUSED) {
            fail_msg("%s", changes[i]);
        }
        mem_free(key);
        keys_free(keys);
        remove_folder();
    }
}

static void a_tenant_has_a_name(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "A", "a b", "a|b", "-a", "a/b", "../a", "a\n"};
    char *key = NULL;
    for (size_t i = 0; i < COUNT(bad); i++) {
        expect_error(
            key_file_make("/nowhere", KEY_ADMIN, bad[i], &key), CORDON_E_INVALID,
            "is no name of a tenant");
    }
}

static void keys_are_revoked_by_id_or_by_tenant(void **state)
{
    (void)state;
    new_folder();
    char *made[4];
    static const char *const owners[] = {"default", "acme", "acme", NULL};
    struct keys *keys = NULL;
    for (size_t i = 0; i < 4; i++) {
        expect_ok(key_file_make(
            folder, owners[i] == NULL ? KEY_OPERATOR : KEY_ADMIN, owners[i], &made[i]));
    }
    expect_ok(keys_new(folder, NULL, &keys));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(judge(keys, owners[i], "Convex", made[i]), KEYS_ACCEPTED);
    }
    uint8_t secret[KEY_SECRET_BYTES];
    uint8_t hash[SHA256_BYTES];
    assert_true(hex_decode(slice_str(strchr(made[0], '|') + 1), secret, sizeof secret));
    const struct slice part = slice_of(secret, sizeof secret);
    hash_sha256(&part, 1, hash);
    char id[2 * KEY_ID_BYTES + 1];
    hex_encode(slice_of(hash, KEY_ID_BYTES), id);
    size_t count = 7;
    expect_ok(key_files_revoke(folder, "0123456789abcdef", NULL, &count));
    assert_int_equal(count, 0);
    expect_ok(key_files_revoke(folder, id, NULL, &count));
    assert_int_equal(count, 1);
    assert_int_equal(judge(keys, "default", "Convex", made[0]), KEYS_REFUSED);
    assert_int_equal(judge(keys, "acme", "Convex", made[1]), KEYS_ACCEPTED);
    expect_ok(key_files_revoke(folder, NULL, "acme", &count));
    assert_int_equal(count, 2);
    assert_int_equal(judge(keys, "acme", "Convex", made[1]), KEYS_REFUSED);
    assert_int_equal(judge(keys, "acme", "Convex", made[2]), KEYS_REFUSED);
    assert_int_equal(judge(keys, NULL, "Convex", made[3]), KEYS_ACCEPTED);
    expect_ok(key_files_revoke("/nowhere", id, NULL, &count));
    assert_int_equal(count, 0);
    for (size_t i = 0; i < 4; i++) {
        mem_free(made[i]);
    }
    keys_free(keys);
    remove_folder();
}

/* -- The audit log -------------------------------------------------------------------------- */

static char told[8][512];
static size_t told_count;

static void note(void *arg, struct slice body)
{
    assert_ptr_equal(arg, told);
    assert_true(told_count < COUNT(told));
    (void)snprintf(told[told_count++], sizeof told[0], "%.*s", SLICE_FMT(body));
}

static void what_comes_and_goes_is_noted(void **state)
{
    (void)state;
    new_folder();
    char *first = NULL;
    char *second = NULL;
    size_t count = 0;
    struct keys *keys = NULL;
    expect_ok(key_file_make(folder, KEY_ADMIN, "default", &first));
    expect_ok(keys_new(folder, NULL, &keys));
    keys_watch(keys, note, told);
    assert_int_equal(told_count, 1);
    assert_non_null(strstr(told[0], "{\"kind\":\"keys\",\"count\":1,\"keys\":[\""));
    keys_watch(keys, note, told);
    assert_int_equal(told_count, 1);
    expect_ok(key_file_make(folder, KEY_ADMIN, "acme", &second));
    keys_watch(keys, note, told);
    keys_watch(keys, note, told);
    assert_int_equal(told_count, 2);
    assert_non_null(strstr(told[1], "{\"kind\":\"key_made\",\"key\":\""));
    assert_non_null(strstr(told[1], "\",\"of\":\"admin\",\"tenant\":\"acme\",\"by\":\"uid "));
    expect_ok(key_files_revoke(folder, NULL, "default", &count));
    keys_watch(keys, note, told);
    assert_int_equal(told_count, 3);
    assert_non_null(strstr(told[2], "{\"kind\":\"key_revoked\",\"key\":\""));
    const struct audit_actor actor = {.by = "a test", .key = "0123456789abcdef"};
    char *third = NULL;
    expect_ok(key_file_make(folder, KEY_OPERATOR, NULL, &third));
    keys_watch(keys, note, told);
    expect_ok(key_files_revoke(folder, id_of(third).text, NULL, &count));
    expect_ok(keys_revoke(keys, folder, "acme", &actor, note, told));
    keys_watch(keys, note, told);
    assert_int_equal(told_count, 6);
    for (size_t i = 4; i < 6; i++) { /* who did the one, and that nobody knows of the other */
        const bool is_acme = strstr(told[i], "\"tenant\":\"acme\"") != NULL;
        assert_int_equal(
            is_acme, strstr(told[i], "\"by\":\"a test\",\"by_key\":\"0123456789abcdef\"}") != NULL);
        assert_int_equal(!is_acme, strstr(told[i], "\"by\":\"uid ") != NULL);
    }
    mem_free(third);
    for (size_t i = 0; i < told_count; i++) {
        assert_null(strstr(told[i], strchr(first, '|') + 1));
        assert_null(strstr(told[i], strchr(second, '|') + 1));
    }
    mem_free(first);
    mem_free(second);
    keys_free(keys);
    remove_folder();
}

static struct keys *watched;
static atomic_bool watching;
static atomic_int foreign; /* keys that are said to have gone by others */

static void look_for_foreign(void *arg, struct slice body)
{
    char text[1024];
    (void)arg;
    assert_true(body.size < sizeof text);
    memcpy(text, body.data, body.size);
    text[body.size] = '\0';
    foreign += strstr(text, "key_revoked") != NULL && strstr(text, "\"by\":\"a test\"") == NULL;
}

static void *watch_on(void *arg)
{
    (void)arg;
    while (watching) {
        keys_watch(watched, look_for_foreign, NULL);
    }
    return NULL;
}

/* Nobody who watches meanwhile takes it for somebody else's doing. */
static void who_revokes_is_told_whoever_watches(void **state)
{
    (void)state;
    new_folder();
    const struct audit_actor actor = {.by = "a test"};
    pthread_t watcher;
    expect_ok(keys_new(folder, NULL, &watched));
    watching = true;
    assert_int_equal(pthread_create(&watcher, NULL, watch_on, NULL), 0);
    for (int round = 0; round < 50; round++) {
        char *key = NULL;
        expect_ok(key_file_make(folder, KEY_ADMIN, "acme", &key));
        mem_free(key);
        keys_watch(watched, look_for_foreign, NULL);
        expect_ok(keys_revoke(watched, folder, "acme", &actor, look_for_foreign, NULL));
    }
    watching = false;
    assert_int_equal(pthread_join(watcher, NULL), 0);
    assert_int_equal(foreign, 0);
    keys_free(watched);
    remove_folder();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_files),
        cmocka_unit_test(key_headers),
        cmocka_unit_test(a_key_is_of_one_tenant_or_of_the_operator),
        cmocka_unit_test(who_revokes_is_told_whoever_watches),
        cmocka_unit_test(files_of_earlier_versions_are_of_the_default_tenant),
        cmocka_unit_test(files_that_say_something_else_are_none),
        cmocka_unit_test(a_tenant_has_a_name),
        cmocka_unit_test(keys_are_revoked_by_id_or_by_tenant),
        cmocka_unit_test(what_comes_and_goes_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
