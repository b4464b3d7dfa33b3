/* Names: what is one, what is none and why, and the two forms of a function's path. */
#include "value/name.h"

#include "support/expect.h"

static char letters[2000]; /* any number of `a` */

static struct slice many(size_t size)
{
    memset(letters, 'a', sizeof letters);
    return slice_of(letters, size);
}

static void identifiers(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "A9", "_a", "_storage", "a__", "_1", "messages"};
    static const struct {
        const char *name;
        const char *why;
    } bad[] = {
        {"", "empty"},          {"_", "underscores only"}, {"___", "underscores only"},
        {"9a", "digit"},        {"a-b", "only letters"},   {"a.b", "only letters"},
        {"\xc3\xa9", "only l"}, {"a b", "only letters"},   {"a\n", "only letters"},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(name_is_identifier(slice_str(good[i])));
        expect_ok(name_check_identifier("table name", slice_str(good[i])));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(name_is_identifier(slice_str(bad[i].name)));
        expect_error(
            name_check_identifier("table name", slice_str(bad[i].name)), CORDON_E_INVALID,
            bad[i].why);
    }
    assert_true(name_is_identifier(many(IDENTIFIER_BYTES_MAX)));
    assert_false(name_is_identifier(many(IDENTIFIER_BYTES_MAX + 1)));
    expect_error(
        name_check_identifier("table name", SLICE("a-b")), CORDON_E_INVALID,
        "\"a-b\" is no valid table name: it may hold only letters");
    assert_true(name_is_system_table(SLICE("_storage")));
    assert_false(name_is_system_table(SLICE("messages")));
    assert_false(name_is_system_table(SLICE("")));
}

static void fields(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "9", " ", "a b", "a.b", "_id", "a$", "~", "\"", "-"};
    static const struct {
        const char *name;
        const char *why;
    } bad[] = {
        {"", "empty"},
        {"$a", "Field name $a starts with a '$', which is reserved"},
        {"$", "reserved"},
        {"a\x1f", "invalid character at byte 1"},
        {"\x7f", "invalid character at byte 0"},
        {"ab\xc3\xa9", "invalid character at byte 2"},
        {"\x1b[2J", "Field name \\x1b[2J has an invalid character at byte 0"},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        expect_ok(name_check_field(slice_str(good[i])));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        expect_error(name_check_field(slice_str(bad[i].name)), CORDON_E_BAD_VALUE, bad[i].why);
    }
    expect_error(
        name_check_field(SLICE("a\0b")), CORDON_E_BAD_VALUE,
        "Field name a\\x00b has an invalid character at byte 1");
    expect_ok(name_check_field(many(FIELD_NAME_BYTES_MAX)));
    expect_error(
        name_check_field(many(FIELD_NAME_BYTES_MAX + 1)), CORDON_E_BAD_VALUE, "length 1024");
}

static void field_paths(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "a.b", "_id", "author.name.first"};
    static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "a.9", "a b", "a.$b"};
    for (size_t i = 0; i < COUNT(good); i++) {
        expect_ok(name_check_field_path(slice_str(good[i])));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        expect_error(
            name_check_field_path(slice_str(bad[i])), CORDON_E_INVALID, "field of an index");
    }
}

static void function_paths(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        const char *text;
        const char *canonical;
        const char *module;
        const char *function;
    } cases[] = {
        {"messages:list", "messages:list", "messages.js:list", "messages", "list"},
        {"messages.js:list", "messages:list", "messages.js:list", "messages", "list"},
        {"a/b_1/c.d:f", "a/b_1/c.d:f", "a/b_1/c.d.js:f", "a/b_1/c.d", "f"},
        {"messages", "messages:default", "messages.js:default", "messages", "default"},
        {"messages.js", "messages:default", "messages.js:default", "messages", "default"},
        {"a.js.js:f", "a.js:f", "a.js.js:f", "a.js", "f"},
        {"9:_f", "9:_f", "9.js:_f", "9", "_f"},
    };
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct function_path path = {0};
        expect_ok(function_path_parse(slice_str(cases[i].given), &arena, &path));
        expect_slice(path.text, slice_str(cases[i].text));
        expect_slice(path.canonical, slice_str(cases[i].canonical));
        expect_slice(path.module, slice_str(cases[i].module));
        expect_slice(path.function, slice_str(cases[i].function));
    }
}

static void bad_function_paths(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        const char *why;
    } cases[] = {
        {"", "Path component is empty"},
        {":f", "Path component is empty"},
        {"/a:f", "Path component is empty"},
        {"a//b:f", "Path component is empty"},
        {"a/:f", "Path component is empty"},
        {"a:", "function name: it is empty"},
        {"a:_", "underscores only"},
        {"a:f-g", "only letters"},
        {"a:f.g", "only letters"},
        {"a-b:f", "Path component a-b can only contain alphanumeric characters, underscores, or "
                  "periods."},
        {"a:b:c", "Path component a:b can only contain"},
        {"a b:f", "can only contain"},
        {"../a:f", "Path component .. must have at least one alphanumeric character."},
        {"_:f", "at least one alphanumeric"},
        {".js:f", NULL},
        {"a%2fb:f", "can only contain"},
    };
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 16);
    struct function_path path = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        cordon_error *error = function_path_parse(slice_str(cases[i].given), &arena, &path);
        if (cases[i].why == NULL) {
            expect_ok(error);
            expect_slice(path.text, SLICE(".js:f"));
            path = (struct function_path){0};
            continue;
        }
        expect_error(error, CORDON_E_INVALID, cases[i].why);
        assert_null(path.text.data);
    }
    expect_error(
        function_path_parse(many(IDENTIFIER_BYTES_MAX + 1), &arena, &path), CORDON_E_INVALID,
        "Path component is too long (65 > maximum 64)");
    expect_error(
        function_path_parse(many(FUNCTION_PATH_BYTES_MAX + 1), &arena, &path), CORDON_E_INVALID,
        "Function path is too long (1025 > maximum 1024)");
    CORDON_CLEANUP_ARENA struct arena full;
    arena_init(&full, 8);
    expect_error(function_path_parse(SLICE("a:f"), &full, &path), CORDON_E_TOO_LARGE, "8 bytes");
}

static void function_paths_with_slashes(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 1 << 16);
    struct function_path path;
    expect_ok(function_path_parse_slashes(SLICE("messages/list"), &arena, &path));
    expect_slice(path.text, SLICE("messages:list"));
    expect_ok(function_path_parse_slashes(SLICE("a/b.js/f"), &arena, &path));
    expect_slice(path.canonical, SLICE("a/b.js:f"));
    static const char *const bad[] = {"", "list", "/list", "messages/", "a:b/c", "a//b"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        cordon_error *error = function_path_parse_slashes(slice_str(bad[i]), &arena, &path);
        expect_error(error, CORDON_E_INVALID, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers),        cmocka_unit_test(fields),
        cmocka_unit_test(field_paths),        cmocka_unit_test(function_paths),
        cmocka_unit_test(bad_function_paths), cmocka_unit_test(function_paths_with_slashes),
    };
    return cmocka_run_group_tests_name("value/name", tests, NULL, NULL);
}
