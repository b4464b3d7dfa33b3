/* Identities: the names that claims and attributes have, and the bounds of all of it. */
#include "auth/identity.h"
#include "base/memory.h"
#include "support/expect.h"

#define NAMES "\"iss\":\"i\",\"sub\":\"s\","

static void claims_have_the_names_of_convex(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        const char *json; /* NULL: refused */
    } cases[] = {
        {"{\"iss\":\"i\",\"sub\":\"s\"}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES "\"aud\":\"a\",\"exp\":1,\"nbf\":1,\"iat\":1,\"jti\":\"x\"}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES "\"name\":\"Ada\",\"given_name\":\"A\",\"family_name\":\"L\",\"nickname\":\"n\","
         "\"preferred_username\":\"p\",\"profile\":\"u\",\"picture\":\"v\",\"website\":\"w\"}",
         "{\"familyName\":\"L\",\"givenName\":\"A\",\"issuer\":\"i\",\"name\":\"Ada\","
         "\"nickname\":\"n\",\"pictureUrl\":\"v\",\"preferredUsername\":\"p\",\"profileUrl\":\"u\","
         "\"subject\":\"s\",\"tokenIdentifier\":\"i|s\",\"websiteUrl\":\"w\"}"},
        {"{" NAMES "\"email\":\"a@b\",\"email_verified\":true,\"gender\":\"f\","
         "\"birthdate\":\"1815-12-10\",\"zoneinfo\":\"Europe/London\",\"locale\":\"en\","
         "\"phone_number\":\"+1\",\"phone_number_verified\":false}",
         "{\"birthday\":\"1815-12-10\",\"email\":\"a@b\",\"emailVerified\":true,\"gender\":\"f\","
         "\"issuer\":\"i\",\"language\":\"en\",\"phoneNumber\":\"+1\",\"phoneNumberVerified\":"
         "false,"
         "\"subject\":\"s\",\"timezone\":\"Europe/London\",\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES
         "\"address\":{\"formatted\":\"12 St\",\"country\":\"UK\"},\"updated_at\":951782400}",
         "{\"address\":\"12 St\",\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\","
         "\"updatedAt\":\"2000-02-29T00:00:00+00:00\"}"},
        {"{" NAMES "\"updated_at\":\"2024-01-01T00:00:00Z\",\"address\":\"x\"}",
         "{\"address\":\"x\",\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\","
         "\"updatedAt\":\"2024-01-01T00:00:00Z\"}"},
        {"{" NAMES "\"updated_at\":1735689599.9}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\","
         "\"updatedAt\":\"2024-12-31T23:59:59+00:00\"}"},
        /* Of the wrong type, or out of range: left out. */
        {"{" NAMES "\"name\":7,\"email_verified\":\"true\",\"updated_at\":-1,\"address\":[],"
         "\"picture\":null}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES "\"updated_at\":1e300}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        /* Claims of one's own. */
        {"{" NAMES "\"role\":\"admin\",\"teams\":[1,{\"a\":null}],\"https://x/y\":false}",
         "{\"https://x/y\":false,\"issuer\":\"i\",\"role\":\"admin\",\"subject\":\"s\","
         "\"teams\":[1,{\"a\":null}],\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES "\"properties\":{\"id\":\"1\",\"deep\":{\"er\":2}},\"empty\":{}}",
         "{\"issuer\":\"i\",\"properties.deep.er\":2,\"properties.id\":\"1\",\"subject\":\"s\","
         "\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES "\"\":{\"role\":\"admin\",\"\":{\"x\":1}},\"a\":{\"\":{\"b\":1}}}",
         "{\"..x\":1,\".role\":\"admin\",\"a..b\":1,\"issuer\":\"i\",\"subject\":\"s\","
         "\"tokenIdentifier\":\"i|s\"}"},
        /* Those that would read as something else, and those that are no values. */
        {"{" NAMES "\"tokenIdentifier\":\"x|y\",\"issuer\":\"x\",\"subject\":\"x\","
         "\"emailVerified\":true,\"givenName\":\"x\"}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES "\"$x\":1,\"\":1,\"\\u00e4\":1,\"list\":[{\"$bytes\":7}]}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES "\"a.b\":1,\"a\":{\"b\":2}}",
         "{\"a.b\":1,\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        {"{\"iss\":\"i\"}", NULL},
        {"{\"sub\":\"s\"}", NULL},
        {"{\"iss\":\"i|j\",\"sub\":\"s\"}", NULL},
        {"{\"iss\":\"i\",\"sub\":\"s\\n\"}", NULL},
        {"{\"iss\":\"i\",\"sub\":\"s\\u007f\"}", NULL},
    };
    static const struct json_limits limits = {.bytes_max = 1 << 20, .depth_max = 16};
    for (size_t i = 0; i < COUNT(cases); i++) {
        CORDON_CLEANUP_BUFFER struct buffer text;
        buffer_init(&text, IDENTITY_BYTES_MAX);
        struct json_doc *doc = NULL;
        struct identity identity = {0};
        expect_ok(json_parse(slice_str(cases[i].claims), &limits, &doc));
        cordon_error *error = identity_from_claims(json_root(doc), &text, &identity);
        if (cases[i].json == NULL) {
            expect_error(error, CORDON_E_INVALID, "an issuer and a subject");
        } else {
            expect_ok(error);
            expect_slice(identity.json, slice_str(cases[i].json));
            expect_slice(identity.token, SLICE("i|s"));
        }
        json_free(doc);
    }
}

static void attributes_are_taken_as_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *attributes;
        const char *json; /* NULL: refused */
    } cases[] = {
        {"{\"issuer\":\"i\",\"subject\":\"s\",\"givenName\":\"A\",\"role\":{\"x\":[1]}}",
         "{\"givenName\":\"A\",\"issuer\":\"i\",\"role\":{\"x\":[1]},\"subject\":\"s\","
         "\"tokenIdentifier\":\"i|s\"}"},
        {"{\"tokenIdentifier\":\"x\",\"issuer\":\"i\",\"subject\":\"s\"}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        {"{\"issuer\":\"i\"}", NULL},
        {"{\"issuer\":\"\",\"subject\":\"s\"}", NULL},
        {"[]", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CORDON_CLEANUP_BUFFER struct buffer text;
        buffer_init(&text, IDENTITY_BYTES_MAX);
        struct identity identity = {0};
        cordon_error *error =
            identity_from_attributes(slice_str(cases[i].attributes), &text, &identity);
        if (cases[i].json == NULL) {
            expect_error(error, CORDON_E_INVALID, "an issuer and a subject");
        } else {
            expect_ok(error);
            expect_slice(identity.json, slice_str(cases[i].json));
        }
    }
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, IDENTITY_BYTES_MAX);
    struct identity identity = {0};
    expect_error(identity_from_attributes(SLICE("{"), &text, &identity), CORDON_E_BAD_JSON, "");
}

/* Names that are repeated in front of each member could make much of a short token. */
static void an_identity_has_its_bounds(void **state)
{
    (void)state;
    static const struct json_limits limits = {.bytes_max = 1 << 20, .depth_max = 16};
    for (int members = 200; members <= 300; members += 100) {
        CORDON_CLEANUP_BUFFER struct buffer claims;
        CORDON_CLEANUP_BUFFER struct buffer text;
        buffer_init(&claims, (size_t)1 << 20);
        buffer_init(&text, IDENTITY_BYTES_MAX);
        expect_ok(buffer_printf(&claims, "{" NAMES "\"%0*d\":{", members == 200 ? 900 : 2, 0));
        for (int i = 0; i < members; i++) {
            expect_ok(buffer_printf(&claims, "%s\"%d\":%d", i == 0 ? "" : ",", i, i));
        }
        expect_ok(buffer_append(&claims, SLICE("}}")));
        struct json_doc *doc = NULL;
        struct identity identity = {0};
        expect_ok(json_parse(buffer_slice(&claims), &limits, &doc));
        expect_error(
            identity_from_claims(json_root(doc), &text, &identity), CORDON_E_TOO_LARGE,
            members == 200 ? "" : "at most 256 fields");
        json_free(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_have_the_names_of_convex),
        cmocka_unit_test(attributes_are_taken_as_they_are),
        cmocka_unit_test(an_identity_has_its_bounds),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
