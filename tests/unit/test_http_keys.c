/*
 * Admin keys: the files of a folder, as they come, change and go, and the headers that bring one.
 */
#include "http/keys.h"

#include "base/memory.h"
#include "support/expect.h"

#include <stdlib.h>
#include <unistd.h>

static char folder[64];

static void run_in_keys(const char *command)
{
    char line[256];
    (void)snprintf(line, sizeof line, "cd %s && %s", folder, command);
    assert_int_equal(system(line), 0); /* NOLINT(*-env33-c): commands of this file */
}

static bool accepts(struct keys *keys, const char *key)
{
    char header[256];
    (void)snprintf(header, sizeof header, "Convex %s", key);
    return keys_judge(keys, slice_str(header)) == KEYS_ACCEPTED;
}

/* A key alone in a new folder, changed by a shell command before the server looks. */
static bool accepted_after(const char *command, bool seen_before)
{
    char pattern[] = "/tmp/cordon-keys-XXXXXX";
    assert_non_null(mkdtemp(pattern));
    memcpy(folder, pattern, sizeof pattern);
    char *key = NULL;
    struct keys *keys = NULL;
    expect_ok(keys_make(folder, &key));
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
    expect_ok(keys_make(folder, &key));
    expect_ok(keys_new(folder, NULL, &keys));
    expect_ok(keys_new(NULL, NULL, &none));
    assert_true(accepts(keys, key));
    assert_false(accepts(none, key));
    assert_int_equal(keys_judge(keys, slice_str(key)), KEYS_REFUSED);
    assert_int_equal(keys_judge(keys, (struct slice){0}), KEYS_REFUSED);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_files),
        cmocka_unit_test(key_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
