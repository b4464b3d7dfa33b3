/* Settings from JSON, one row each, and what a misspelt name was meant to be. */
#include <cordon/config.h>
#include <cordon/json.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct refusal_case {
    const char *text;
    const char *says; /* a part of the message */
};

#define PROVIDER(fields) "{\"auth_providers\":[{" fields "}]}"

static const struct refusal_case refusals[] = {
    {"", "JSON"},
    {"{", "line 1, column 2"},
    {"[]", "one JSON object"},
    {"null", "one JSON object"},
    {"{\"lisen\":\"x\"}", "no setting \"lisen\"; did you mean \"listen\"?"},
    {"{\"frobnicate\":1}", "no setting \"frobnicate\"; the settings are: listen, data, operator_"},
    {"{\"lis\\u0000ten\":1}", "no setting \"lis\\x00ten\"; did you mean \"listen\"?"},
    {"{\"\\u001b[2J\":1}", "no setting \"\\x1b[2J\"; the settings are: "},
    {"{\"limits\":{\"\\u0000\":1}}", "no limit \"\\x00\"; the limits are: user_time_ms, "},
    {"{\"\":1}", "no setting \"\""},
    {"{\"listen\":1}", "\"listen\" must be a text"},
    {"{\"listen\":null}", "\"listen\" must be a text"},
    {"{\"listen\":\"\"}", "\"listen\" must be a text"},
    {"{\"data\":\"a\\u0000b\"}", "\"data\" must be a text"},
    {"{\"data\":\"a\",\"data\":\"b\"}", "\"data\" stands there twice"},
    {"{\"loops\":0}", "\"loops\" must be a whole number"},
    {"{\"loops\":-1}", "\"loops\" must be a whole number"},
    {"{\"loops\":1.5}", "\"loops\" must be a whole number"},
    {"{\"loops\":4294967296}", "\"loops\" must be a whole number"},
    {"{\"slots\":\"1\"}", "\"slots\" must be a whole number"},
    {"{\"permits\":true}", "\"permits\" must be a whole number"},
    {"{\"loops\":0}", "from 1 to 4294967295"},
    {"{\"connections_max\":0}", "\"connections_max\" must be a whole number from 1"},
    {"{\"memory_bytes\":0}", "\"memory_bytes\" must be a whole number of bytes from 1 to 1844"},
    {"{\"request_timeout_ms\":249}",
     "\"request_timeout_ms\" must be a whole number of milliseconds from 250 to 86400000"},
    {"{\"idle_timeout_ms\":0}", "\"idle_timeout_ms\" must be a whole number of milliseconds"},
    {"{\"write_timeout_ms\":86400001}", "\"write_timeout_ms\" must be"},
    {"{\"write_timeout_ms\":\"1s\"}", "\"write_timeout_ms\" must be"},
    {"{\"memory_bytes\":1e300}", "\"memory_bytes\" must be"},
    {"{\"host_names\":{}}", "\"host_names\" must be a list"},
    {"{\"replay_sample\":1000001}", "\"replay_sample\" must be a whole number"},
    {"{\"record_functions\":[1]}", "\"record_functions\" must be a list of paths"},
    {"{\"records_days\":0}", "\"records_days\" must be a whole number of days from 1"},
    {"{\"host_names\":[\"a\",\"\"]}", "\"host_names\" must be a list"},
    {"{\"production\":1}", "\"production\" must be true or false"},
    {"{\"auth_clock_skew_s\":0}", "\"auth_clock_skew_s\" must be a whole number of seconds from 1"},
    {"{\"auth_clock_skew_s\":601}", "to 600"},
    {"{\"auth_providers\":{}}", "\"auth_providers\" must be a list such as"},
    {"{\"auth_providers\":[1]}", "\"auth_providers\" must be a list such as"},
    {"{\"auth_providers\":[{}]}", "a provider has \"domain\""},
    {PROVIDER("\"domain\":\"d\",\"jwks\":\"j\""), "a provider has \"domain\""},
    {PROVIDER("\"domain\":\"d\",\"applicationID\":\"a\""), "a provider has \"domain\""},
    {PROVIDER("\"issuer\":\"d\",\"applicationID\":\"a\",\"jwks\":\"j\""), "a provider has"},
    {PROVIDER("\"type\":\"oidc\",\"domain\":\"d\""), "is \"customJwt\", or left out"},
    {PROVIDER("\"type\":\"customJwt\",\"issuer\":\"i\",\"jwks\":\"j\""), "and \"algorithm\""},
    {PROVIDER("\"domain\":\"d\",\"applicationId\":\"a\""), "did you mean \"applicationID\"?"},
    {PROVIDER("\"domain\":\"d\",\"domain\":\"e\""), "\"domain\" stands twice"},
    {PROVIDER("\"domain\":\"d\",\"jwks\":1"), "\"auth_providers\" must be a list such as"},
    {PROVIDER("\"domain\":\"\",\"jwks\":\"j\""), "\"auth_providers\" must be a list such as"},
    {"{\"limits\":[]}", "\"limits\" must be an object"},
    {"{\"limits\":{\"feul\":1}}", "no limit \"feul\"; did you mean \"fuel\"?"},
    {"{\"limits\":{\"fuel\":-1}}", "limit \"fuel\" must be a whole number"},
    {"{\"limits\":{\"fuel\":1,\"fuel\":1}}", "limit \"fuel\" stands there twice"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        cordon_config *config = NULL;
        cordon_error *error =
            cordon_config_parse(refusals[i].text, strlen(refusals[i].text), &config);
        if (error == NULL || strstr(cordon_error_get_message(error), refusals[i].says) == NULL) {
            fail_msg(
                "%s: %s", refusals[i].text,
                error == NULL ? "was accepted" : cordon_error_get_message(error));
        }
        assert_null(config);
        cordon_error_free(error);
    }
}

static void test_empty(void **state)
{
    (void)state;
    cordon_config *config = NULL;
    assert_null(cordon_config_parse("{}", 2, &config));
    const cordon_config nothing = {.replay_sample = CORDON_REPLAY_SAMPLE_DEFAULT, .confine = true};
    assert_memory_equal(config, &nothing, sizeof nothing);
    cordon_config_free(config);
    cordon_config_free(NULL);
}

static void test_every_setting(void **state)
{
    (void)state;
    static const char text[] =
        "{\"listen\":\"127.0.0.1:80\",\"operator_listen\":\"unix:op\",\"data\":\"/d\\u00e4ta\","
        "\"host_names\":[\"a.example\",\"b.example\"],\"loops\":1,\"permits\":2,\"slots\":"
        "4294967295,"
        "\"memory_bytes\":18446744073709551615,\"production\":true,"
        "\"connections_max\":5,\"drain_timeout_ms\":252,\"request_timeout_ms\":250,\"idle_timeout_"
        "ms\":251,\"write_timeout_"
        "ms\":86400000,"
        "\"replay_sample\":0,\"record_functions\":[\"a:b\"],\"records_bytes\":7,\"records_days\":8,"
        "\"confine\":false,"
        "\"auth_clock_skew_s\":5,\"auth_providers\":["
        "{\"domain\":\"d\",\"applicationID\":\"a\",\"jwks\":\"j\"},"
        "{\"type\":\"customJwt\",\"issuer\":\"i\",\"algorithm\":\"ES256\",\"jwks\":\"data:\","
        "\"tenant\":\"acme\"}],"
        "\"audit_interval_ms\":100,\"audit_checkpoint_file\":\"/c/f\",\"audit_checkpoint_syslog\":"
        "\"/dev/log\",\"log_lines_per_second\":11,\"jwks_refresh_ms\":60000,\"turn_wait_ms\":12,"
        "\"queue_target_ms\":9,\"queue_interval_ms\":10,\"tenant_share_percent\":100,"
        "\"limits\":{\"fuel\":1,\"memory_bytes\":65536}}";
    cordon_config *config = NULL;
    assert_null(cordon_config_parse(text, sizeof text - 1, &config));
    assert_int_equal(config->replay_sample, 0);
    assert_int_equal(config->record_function_count, 1);
    assert_string_equal(config->record_functions[0], "a:b");
    assert_int_equal(config->records_bytes, 7);
    assert_int_equal(config->records_days, 8);
    assert_string_equal(config->listen, "127.0.0.1:80");
    assert_string_equal(config->operator_listen, "unix:op");
    assert_string_equal(config->data, "/d\xc3\xa4ta");
    assert_int_equal(config->host_name_count, 2);
    assert_string_equal(config->host_names[0], "a.example");
    assert_string_equal(config->host_names[1], "b.example");
    assert_int_equal(config->loops, 1);
    assert_int_equal(config->permits, 2);
    assert_int_equal(config->audit_interval_ms, 100);
    assert_string_equal(config->audit_checkpoint_file, "/c/f");
    assert_string_equal(config->audit_checkpoint_syslog, "/dev/log");
    assert_int_equal(config->log_lines_per_second, 11);
    assert_int_equal(config->jwks_refresh_ms, 60000);
    assert_int_equal(config->turn_wait_ms, 12);
    assert_int_equal(config->queue_target_ms, 9);
    assert_int_equal(config->queue_interval_ms, 10);
    assert_int_equal(config->tenant_share_percent, 100);
    assert_true(config->slots == UINT32_MAX);
    assert_true(config->memory_bytes == UINT64_MAX);
    assert_true(config->production);
    assert_false(config->confine);
    assert_int_equal(config->request_timeout_ms, 250);
    assert_int_equal(config->idle_timeout_ms, 251);
    assert_int_equal(config->write_timeout_ms, 86400000);
    assert_int_equal(config->connections_max, 5);
    assert_int_equal(config->drain_timeout_ms, 252);
    assert_int_equal(config->auth_clock_skew_s, 5);
    assert_int_equal(config->auth_provider_count, 2);
    assert_string_equal(config->auth_providers[0].issuer, "d");
    assert_string_equal(config->auth_providers[0].application_id, "a");
    assert_string_equal(config->auth_providers[0].jwks, "j");
    assert_null(config->auth_providers[0].algorithm);
    assert_string_equal(config->auth_providers[1].issuer, "i");
    assert_string_equal(config->auth_providers[1].algorithm, "ES256");
    assert_null(config->auth_providers[1].application_id);
    assert_string_equal(config->auth_providers[1].tenant, "acme");
    assert_null(config->auth_providers[0].tenant);
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const bool given = i == CORDON_LIMIT_FUEL || i == CORDON_LIMIT_MEMORY_BYTES;
        assert_int_equal(config->limits.set[i], given);
    }
    assert_true(config->limits.value[CORDON_LIMIT_FUEL] == 1);
    assert_true(config->limits.value[CORDON_LIMIT_MEMORY_BYTES] == 65536);
    cordon_config_free(config);
}

static const struct {
    const char *entry;
    const char *says; /* NULL: it is taken, or none of ours */
} variables[] = {
    {"CORDON_LISTEN=127.0.0.1:81", NULL},
    {"CORDON_PERMITS=9", NULL},
    {"CORDON_PRODUCTION=false", NULL},
    {"CORDON_HOST_NAMES=[\"c.example\"]", NULL},
    {"CORDON_LIMITS={\"memory_bytes\":65537}", NULL},
    {"CORDON_ADMIN_KEY=none of ours", NULL},
    {"CORDON_SOMETHING_ELSE=1", NULL},
    {"CORDON_slots=5", NULL}, /* names are in capitals */
    {"PERMITS=5", NULL},
    {"CORDON_", NULL},
    {"CORDON_=", NULL},
    {"CORDON_LISTEN=", "CORDON_LISTEN: \"listen\" must be a text"},
    {"CORDON_SLOTS=\"5\"", "CORDON_SLOTS: \"slots\" must be a whole number"},
    {"CORDON_SLOTS=5 6", "CORDON_SLOTS: \"slots\" must be a whole number"},
    {"CORDON_SLOTS=", "CORDON_SLOTS: \"slots\" must be a whole number"},
    {"CORDON_PRODUCTION=yes", "\"production\" must be true or false"},
    {"CORDON_LIMITS={\"feul\":1}", "there is no limit \"feul\"; did you mean \"fuel\"?"},
    {"CORDON_SLOT=5", "CORDON_SLOT is for no setting; did you mean that of \"slots\"?"},
};

static void test_environment(void **state)
{
    (void)state;
    static const char text[] =
        "{\"listen\":\"127.0.0.1:80\",\"permits\":2,\"slots\":3,\"production\":true,"
        "\"host_names\":[\"a.example\",\"b.example\"],\"limits\":{\"fuel\":1}}";
    const char *taken[sizeof variables / sizeof variables[0] + 1] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *const one[] = {variables[i].entry, NULL};
        cordon_config *config = NULL;
        assert_null(cordon_config_parse(text, sizeof text - 1, &config));
        cordon_error *error = cordon_config_override(config, one);
        if (variables[i].says == NULL) {
            assert_null(error);
            taken[count++] = variables[i].entry;
        } else if (
            error == NULL || strstr(cordon_error_get_message(error), variables[i].says) == NULL) {
            fail_msg(
                "%s: %s", variables[i].entry,
                error == NULL ? "was accepted" : cordon_error_get_message(error));
        }
        cordon_error_free(error);
        cordon_config_free(config);
    }
    cordon_config *config = NULL;
    assert_null(cordon_config_parse(text, sizeof text - 1, &config));
    assert_null(cordon_config_override(config, NULL));
    assert_null(cordon_config_override(config, taken));
    assert_string_equal(config->listen, "127.0.0.1:81");
    assert_int_equal(config->permits, 9);
    assert_int_equal(config->slots, 3);
    assert_false(config->production);
    assert_int_equal(config->host_name_count, 1);
    assert_string_equal(config->host_names[0], "c.example");
    assert_false(config->limits.set[CORDON_LIMIT_FUEL]);
    assert_int_equal(config->limits.value[CORDON_LIMIT_MEMORY_BYTES], 65537);
    cordon_config_free(config);
}

struct nearest_case {
    const char *typed;
    const char *meant; /* NULL: nothing is near */
};

static const struct nearest_case nearest_cases[] = {
    {"run", "run"},       {"rum", "run"},       {"rn", "run"},       {"urn", "run"},
    {"runn", "run"},      {"dpeloy", "deploy"}, {"deply", "deploy"}, {"deploys", "deploy"},
    {"serv", "serve"},    {"SERVE", NULL},      {"x", NULL},         {"", NULL},
    {"frobnicate", NULL}, {"deployment", NULL}, {"cal", "call"},     {"ca", NULL},
};

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"run", "deploy", "serve", "call"};
    for (size_t i = 0; i < sizeof nearest_cases / sizeof nearest_cases[0]; i++) {
        const char *found = cordon_name_nearest(nearest_cases[i].typed, names, 4);
        const char *meant = nearest_cases[i].meant;
        if (found != meant && (found == NULL || meant == NULL || strcmp(found, meant) != 0)) {
            fail_msg("'%s' is near '%s'", nearest_cases[i].typed, found == NULL ? "-" : found);
        }
    }
    char endless[100000];
    memset(endless, 'r', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_null(cordon_name_nearest(endless, names, 4));
    assert_null(cordon_name_nearest("run", names, 0));
}

/* What a program that embeds the library is given to take JSON apart with. */
static void test_json(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,\"x\\u0000y\",true],\"b\":{\"c\":18446744073709551615}}";
    cordon_json *json = NULL;
    assert_null(cordon_json_parse(text, sizeof text - 1, &json));
    const cordon_json_value *root = cordon_json_get_root(json);
    assert_int_equal(cordon_json_get_type(root), CORDON_JSON_OBJECT);

    cordon_json_walk walk = cordon_json_walk_begin(cordon_json_get_member(root, "a"));
    assert_int_equal(walk.left, 3);
    uint64_t number = 0;
    assert_true(cordon_json_get_u64(cordon_json_walk_next(&walk, NULL), &number));
    assert_true(number == 1);
    const cordon_text part = cordon_json_get_text(cordon_json_walk_next(&walk, NULL));
    assert_int_equal(part.size, 3);
    assert_memory_equal(part.data, "x\0y", 3);
    assert_true(cordon_json_is_true(cordon_json_walk_next(&walk, NULL)));
    assert_null(cordon_json_walk_next(&walk, NULL));

    walk = cordon_json_walk_begin(root);
    cordon_text name = {0};
    assert_non_null(cordon_json_walk_next(&walk, &name));
    assert_memory_equal(name.data, "a", 1);
    const cordon_json_value *inner = cordon_json_walk_next(&walk, &name);
    assert_memory_equal(name.data, "b", 1);
    assert_true(cordon_json_get_u64(cordon_json_get_member(inner, "c"), &number));
    assert_true(number == UINT64_MAX);

    char *written = NULL;
    assert_null(cordon_json_write(root, &written));
    assert_string_equal(written, text);
    cordon_free(written);
    cordon_json_free(json);

    assert_int_equal(cordon_json_get_type(NULL), CORDON_JSON_NULL);
    assert_null(cordon_json_get_member(NULL, "a"));
    assert_int_equal(cordon_json_get_text(NULL).size, 0);
    cordon_json_free(NULL);
    cordon_error *error = cordon_json_parse("{\n]", 3, &json);
    assert_non_null(strstr(cordon_error_get_message(error), "line 2, column 1"));
    char *shape = NULL;
    assert_null(cordon_error_to_json(error, &shape));
    assert_non_null(
        strstr(shape, "{\"status\":\"error\",\"code\":\"BadJson\",\"errorMessage\":\""));
    cordon_free(shape);
    cordon_error_free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_empty),
        cmocka_unit_test(test_every_setting), cmocka_unit_test(test_environment),
        cmocka_unit_test(test_nearest),       cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
