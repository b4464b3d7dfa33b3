/* Documents: system fields, patches, names and limits. */
#include "value/document.h"

#include "support/expect.h"
#include "value/json.h"

static struct value parsed(struct arena *arena, const char *text)
{
    struct value value = {0};
    expect_ok(value_parse(slice_str(text), arena, &value));
    return value;
}

static void expect_encoded(const struct value *value, const char *text)
{
    CORDON_CLEANUP_BUFFER struct buffer buffer;
    buffer_init(&buffer, 1 << 16);
    expect_ok(value_write_encoded(&buffer, value));
    expect_text(&buffer, text);
}

static void system_fields_are_set(void **state)
{
    (void)state;
    static const struct {
        const char *object;
        const char *document;
    } cases[] = {
        {"{}", "{\"_creationTime\":5.5,\"_id\":\"x\"}"},
        {"{\"a\":1}", "{\"_creationTime\":5.5,\"_id\":\"x\",\"a\":1}"},
        {"{\"A\":1,\"a\":2}", "{\"A\":1,\"_creationTime\":5.5,\"_id\":\"x\",\"a\":2}"},
        {"{\"_creationTime\":1,\"_id\":\"y\"}", "{\"_creationTime\":5.5,\"_id\":\"x\"}"},
        {"{\"_i\":1,\"_ida\":2}", "{\"_creationTime\":5.5,\"_i\":1,\"_id\":\"x\",\"_ida\":2}"},
    };
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct value object = parsed(&arena, cases[i].object);
        struct value document;
        expect_ok(document_with_system_fields(&object, SLICE("x"), 5.5, &arena, &document));
        expect_encoded(&document, cases[i].document);
        expect_encoded(&object, cases[i].object); /* untouched */
    }
}

#define ID "j57000820c20a1g7104gm2rc1m70ynr8"

/* Of a document that is stored; one that lacks one of them, or has it otherwise, is damaged. */
static void system_fields_are_read(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "{}",
        "{\"_creationTime\":5.5}",
        "{\"_id\":\"" ID "\"}",
        "{\"_creationTime\":\"5.5\",\"_id\":\"" ID "\"}",
        "{\"_creationTime\":5.5,\"_id\":7}",
        "{\"_creationTime\":5.5,\"_id\":\"" ID "0\"}",
    };
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 16);
    struct document_id id = {0};
    double time = 0;
    struct value document = parsed(&arena, "{\"_creationTime\":5.5,\"_id\":\"" ID "\",\"a\":1}");
    char id_text[DOCUMENT_ID_TEXT_MAX + 1];
    expect_ok(document_system_fields(&document, &id, &time));
    (void)document_id_encode(&id, id_text);
    assert_string_equal(id_text, ID);
    assert_true(time == 5.5);
    for (size_t i = 0; i < COUNT(damaged); i++) {
        document = parsed(&arena, damaged[i]);
        expect_error(document_system_fields(&document, &id, &time), CORDON_E_STORE, "restore");
    }
}

static void patches_set_and_remove(void **state)
{
    (void)state;
    static const struct {
        const char *base;
        const char *patch;
        const char *merged;
        unsigned nesting;
    } cases[] = {
        {"{\"a\":1}", "{}", "{\"a\":1}", 1},
        {"{}", "{\"a\":1}", "{\"a\":1}", 1},
        {"{}", "{}", "{}", 1},
        {"{\"a\":1,\"b\":2}", "{\"b\":[3]}", "{\"a\":1,\"b\":[3]}", 2},
        {"{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"z\":1}}", "{\"a\":{\"z\":1}}", 2},
        {"{\"a\":[[1]],\"b\":2}", "{\"a\":{\"$undefined\":null}}", "{\"b\":2}", 1},
        {"{\"a\":1}", "{\"c\":{\"$undefined\":null}}", "{\"a\":1}", 1},
        {"{\"a\":1}", "{\"a\":null}", "{\"a\":null}", 1},
    };
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 16);
    const struct json_limits limits = {.bytes_max = 1 << 16, .depth_max = 8};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct value base = parsed(&arena, cases[i].base);
        struct json_doc *doc = NULL;
        expect_ok(json_parse(slice_str(cases[i].patch), &limits, &doc));
        struct value patch;
        struct value merged;
        expect_ok(value_patch_from_json(json_root(doc), &arena, &patch));
        expect_ok(value_merge(&base, &patch, &arena, &merged));
        expect_encoded(&merged, cases[i].merged);
        assert_int_equal(value_nesting(&merged), cases[i].nesting);
        json_free(doc);
    }
}

/* Two objects that are each within the limit can be too much together. */
static void merging_counts_fields(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 20);
    static char names[1026][8];
    static struct value_field fields[1026];
    for (size_t i = 0; i < COUNT(fields); i++) {
        (void)snprintf(names[i], sizeof names[i], "f%04zu", i);
        fields[i] = (struct value_field){slice_str(names[i]), value_null()};
    }
    const struct value base = value_object(fields, 1023);
    const struct value one = value_object(&fields[1023], 1);
    const struct value two = value_object(&fields[1023], 2);
    struct value merged;
    expect_ok(value_merge(&base, &one, &arena, &merged));
    assert_int_equal(merged.count, 1024);
    expect_error(
        value_merge(&base, &two, &arena, &merged), CORDON_E_TOO_MANY_FIELDS,
        "Object has too many fields (1025 > maximum number 1024)");
    CORDON_CLEANUP_ARENA struct arena full;
    arena_init(&full, 64);
    expect_error(value_merge(&base, &one, &full, &merged), CORDON_E_TOO_LARGE, "64 bytes");
}

static void names_are_checked_at_the_top(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 16);
    static const char *const good[] = {
        "{}", "{\"a_\":1}", "{\"_id\":1,\"_creationTime\":2}", "{\"a\":{\"_b\":1}}"};
    for (size_t i = 0; i < COUNT(good); i++) {
        const struct value object = parsed(&arena, good[i]);
        expect_ok(document_check_names(&object));
    }
    static const struct {
        const char *object;
        const char *error;
    } bad[] = {
        {"{\"_\":1}", "Field '_' starts"},
        {"{\"a\":1,\"_ids\":1}",
         "Field '_ids' starts with an underscore, which is only allowed for system fields like "
         "'_id'"},
        {"{\"_i\":1}", "Field '_i' starts"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        const struct value object = parsed(&arena, bad[i].object);
        expect_error(document_check_names(&object), CORDON_E_BAD_VALUE, bad[i].error);
    }
}

static void limits_hold_exactly(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 24);
    static const size_t overhead = 2 + 1 + 1 + 2; /* {"a": "..."} */
    static char letters[DOCUMENT_SIZE_MAX];
    memset(letters, 'x', sizeof letters);
    for (size_t over = 0; over < 2; over++) {
        const struct slice string = slice_of(letters, DOCUMENT_SIZE_MAX - overhead + over);
        const struct value_field field = {SLICE("a"), value_string(string)};
        const struct value document = value_object(&field, 1);
        size_t size = 7;
        cordon_error *error = document_check_limits(&document, &size);
        if (over == 0) {
            expect_ok(error);
            assert_int_equal(size, DOCUMENT_SIZE_MAX);
            expect_ok(document_check_limits(&document, NULL));
        } else {
            expect_error(
                error, CORDON_E_VALUE_TOO_LARGE,
                "Value is too large (1.00 MiB > maximum size 1 MiB)");
            assert_int_equal(size, 7);
        }
    }
    const struct value deep = parsed(&arena, "{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}");
    expect_ok(document_check_limits(&deep, NULL));
    const struct value deeper = parsed(&arena, "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}");
    expect_error(
        document_check_limits(&deeper, NULL), CORDON_E_TOO_NESTED,
        "Value is too nested (nested 17 levels deep > maximum nesting 16)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_fields_are_set),        cmocka_unit_test(system_fields_are_read),
        cmocka_unit_test(patches_set_and_remove),       cmocka_unit_test(merging_counts_fields),
        cmocka_unit_test(names_are_checked_at_the_top), cmocka_unit_test(limits_hold_exactly),
    };
    return cmocka_run_group_tests_name("value/document", tests, NULL, NULL);
}
