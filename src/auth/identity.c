/* Identities out of claims and attributes; see identity.h. */
#include "auth/identity.h"

#include "base/hash.h"
#include "value/name.h"
#include "value/value.h"

#include <inttypes.h>
#include <stdio.h>

/* Seconds from 1970 to the year 10000, which RFC 3339 does not reach. */
#define YEAR_10000_S 253402300800.0
/* Room for whatever numbers could stand in a time. */
#define TIME_BYTES 160

enum attribute_kind { ATTRIBUTE_TEXT, ATTRIBUTE_FLAG, ATTRIBUTE_TIME, ATTRIBUTE_ADDRESS };

/* The claim that an attribute comes from. */
static const struct {
    const char *claim;
    const char *attribute;
    enum attribute_kind kind;
} attributes[] = {
    {"name", "name", ATTRIBUTE_TEXT},
    {"given_name", "givenName", ATTRIBUTE_TEXT},
    {"family_name", "familyName", ATTRIBUTE_TEXT},
    {"nickname", "nickname", ATTRIBUTE_TEXT},
    {"preferred_username", "preferredUsername", ATTRIBUTE_TEXT},
    {"profile", "profileUrl", ATTRIBUTE_TEXT},
    {"picture", "pictureUrl", ATTRIBUTE_TEXT},
    {"website", "websiteUrl", ATTRIBUTE_TEXT},
    {"email", "email", ATTRIBUTE_TEXT},
    {"email_verified", "emailVerified", ATTRIBUTE_FLAG},
    {"gender", "gender", ATTRIBUTE_TEXT},
    {"birthdate", "birthday", ATTRIBUTE_TEXT},
    {"zoneinfo", "timezone", ATTRIBUTE_TEXT},
    {"locale", "language", ATTRIBUTE_TEXT},
    {"phone_number", "phoneNumber", ATTRIBUTE_TEXT},
    {"phone_number_verified", "phoneNumberVerified", ATTRIBUTE_FLAG},
    {"address", "address", ATTRIBUTE_ADDRESS},
    {"updated_at", "updatedAt", ATTRIBUTE_TIME},
};

enum { ATTRIBUTE_COUNT = sizeof attributes / sizeof attributes[0] };

/* Claims about the token, and not about who signed in; and what is said of him in any case. */
static const char *const of_token[] = {"iss", "sub", "aud", "exp", "nbf", "iat", "jti"};
static const char *const always[] = {"tokenIdentifier", "issuer", "subject"};

struct fields {
    struct arena *arena;
    size_t count;
    struct value_field list[IDENTITY_FIELDS_MAX];
};

static bool is_among(struct slice name, const char *const *names, size_t count)
{
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        found = found || slice_equal(name, slice_str(names[i]));
    }
    return found;
}

/* -- Fields --------------------------------------------------------------------------------- */

static bool has_field(const struct fields *fields, struct slice name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (slice_equal(fields->list[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* The first of a name stays. */
static cordon_error *add(struct fields *fields, struct slice name, struct value value)
{
    if (has_field(fields, name)) {
        return NULL;
    }
    if (fields->count == IDENTITY_FIELDS_MAX) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "an identity has at most %d fields", IDENTITY_FIELDS_MAX);
    }
    fields->list[fields->count++] = (struct value_field){name, value};
    return NULL;
}

static cordon_error *add_text(struct fields *fields, const char *name, struct slice text)
{
    return add(fields, slice_str(name), value_string(text));
}

/* Whether an error says that this is no value, and not that there is no room for it. */
static bool is_about_value(const cordon_error *error)
{
    const cordon_error_code code = cordon_error_get_code(error);
    return code != CORDON_E_NO_MEMORY && code != CORDON_E_TOO_LARGE;
}

/* Adds a claim if it can be the field of a value. */
static cordon_error *add_value(
    struct fields *fields, struct slice name, const struct json_node *node)
{
    struct value value;
    cordon_error *error = name_check_field(name);
    if (error == NULL) {
        error = value_from_json(node, fields->arena, &value);
    }
    if (error == NULL) {
        return add(fields, name, value);
    }
    if (!is_about_value(error)) {
        return error;
    }
    cordon_error_free(error);
    return NULL;
}

/* -- Standard claims ------------------------------------------------------------------------ */

/* The day of a number of days since 1970, by the calendar that repeats itself every 400 years. */
static void format_time(int64_t seconds, char out_text[TIME_BYTES])
{
    const int64_t day = seconds / 86400;
    const int64_t second = seconds % 86400;
    const int64_t from_march = day + 719468; /* days since 1 March of the year 0 */
    const int64_t era = from_march / 146097;
    const int64_t of_era = from_march % 146097;
    const int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const int64_t month = (5 * of_year + 2) / 153; /* 0 is March */
    const int64_t of_month = of_year - (153 * month + 2) / 5 + 1;
    const int64_t calendar_month = month < 10 ? month + 3 : month - 9;
    const int64_t calendar_year = year + era * 400 + (calendar_month <= 2);
    (void)snprintf(
        out_text, TIME_BYTES,
        "%04" PRId64 "-%02" PRId64 "-%02" PRId64 "T%02" PRId64 ":%02" PRId64 ":%02" PRId64 "+00:00",
        calendar_year, calendar_month, of_month, second / 3600, second / 60 % 60, second % 60);
}

/* A number of seconds, or a text, which some providers write. */
static cordon_error *add_time(struct fields *fields, const char *name, const struct json_node *node)
{
    if (json_kind(node) == JSON_STRING) {
        return add_text(fields, name, json_string(node));
    }
    const double seconds = json_number(node);
    if (json_kind(node) != JSON_NUMBER || seconds < 0 || seconds >= YEAR_10000_S) {
        return NULL;
    }
    char text[TIME_BYTES];
    format_time((int64_t)seconds, text);
    const struct slice copy = arena_copy(fields->arena, slice_str(text));
    return copy.data == NULL ? arena_error(fields->arena) : add_text(fields, name, copy);
}

static cordon_error *add_standard(
    struct fields *fields, const char *name, enum attribute_kind kind, const struct json_node *node)
{
    switch (kind) {
    case ATTRIBUTE_TEXT:
        break;
    case ATTRIBUTE_FLAG:
        return json_kind(node) == JSON_BOOL
                   ? add(fields, slice_str(name), value_bool(json_is_true(node)))
                   : NULL;
    case ATTRIBUTE_TIME:
        return add_time(fields, name, node);
    case ATTRIBUTE_ADDRESS:
        node = json_kind(node) == JSON_OBJECT ? json_get(node, SLICE("formatted")) : node;
        break;
    }
    return json_kind(node) == JSON_STRING ? add_text(fields, name, json_string(node)) : NULL;
}

/* -- Other claims --------------------------------------------------------------------------- */

static bool is_attribute(struct slice name)
{
    bool found = is_among(name, always, sizeof always / sizeof always[0]);
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        found = found || slice_equal(name, slice_str(attributes[i].attribute));
    }
    return found;
}

static bool is_standard(struct slice name)
{
    bool found = is_among(name, of_token, sizeof of_token / sizeof of_token[0]);
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        found = found || slice_equal(name, slice_str(attributes[i].claim));
    }
    return found;
}

/* `prefix.name`; also where the prefix is empty, so that nothing in there passes for a claim. */
static cordon_error *join(
    struct arena *arena, struct slice prefix, struct slice name, struct slice *out_name)
{
    uint8_t *text = arena_alloc(arena, prefix.size + 1 + name.size);
    if (text == NULL) {
        return arena_error(arena);
    }
    if (prefix.size > 0) {
        memcpy(text, prefix.data, prefix.size);
    }
    text[prefix.size] = '.';
    if (name.size > 0) {
        memcpy(text + prefix.size + 1, name.data, name.size);
    }
    *out_name = slice_of(text, prefix.size + 1 + name.size);
    return NULL;
}

/* `prefix` is NULL for the claims themselves. Goes as deep as the reader of tokens allows. */
static cordon_error *add_custom(
    struct fields *fields, const struct slice *prefix, const struct json_node *object)
{
    struct json_walk walk = json_walk_fields(object);
    struct slice own;
    for (const struct json_node *node; (node = json_next_field(&walk, &own)) != NULL;) {
        struct slice name = own;
        if (prefix == NULL && (is_standard(name) || is_attribute(name))) {
            continue;
        }
        if (prefix != NULL) {
            TRY(join(fields->arena, *prefix, own, &name));
        }
        if (json_kind(node) == JSON_OBJECT) {
            TRY(add_custom(fields, &name, node));
        } else {
            TRY(add_value(fields, name, node));
        }
    }
    return NULL;
}

/* -- Writing -------------------------------------------------------------------------------- */

static bool has_control(struct slice text)
{
    bool found = false;
    for (size_t i = 0; i < text.size; i++) {
        found = found || text.data[i] < 0x20 || text.data[i] == 0x7f;
    }
    return found;
}

static bool is_name(struct slice text)
{
    return text.size > 0 && text.size <= IDENTITY_NAME_BYTES_MAX && !has_control(text);
}

static cordon_error *check_names(struct slice issuer, struct slice subject)
{
    if (!is_name(issuer) || !is_name(subject) || memchr(issuer.data, '|', issuer.size) != NULL) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "an identity must have an issuer and a subject, texts of 1 to %d bytes without control "
            "characters, the issuer without `|`",
            IDENTITY_NAME_BYTES_MAX);
    }
    return NULL;
}

/* What is said of everybody. */
static cordon_error *add_names(struct fields *fields, struct slice issuer, struct slice subject)
{
    TRY(check_names(issuer, subject));
    const size_t size = issuer.size + 1 + subject.size;
    uint8_t *token = arena_alloc(fields->arena, size);
    if (token == NULL) {
        return arena_error(fields->arena);
    }
    memcpy(token, issuer.data, issuer.size);
    token[issuer.size] = '|';
    memcpy(token + issuer.size + 1, subject.data, subject.size);
    TRY(add_text(fields, "tokenIdentifier", slice_of(token, size)));
    TRY(add_text(fields, "issuer", issuer));
    return add_text(fields, "subject", subject);
}

static int compare_fields(const void *a, const void *b)
{
    return slice_compare(
        ((const struct value_field *)a)->name, ((const struct value_field *)b)->name);
}

/* The first field is the token's identifier, until they are in order. */
static cordon_error *write_fields(
    struct fields *fields, struct buffer *out, struct identity *out_identity)
{
    const struct slice token = value_slice(&fields->list[0].value);
    const size_t begin = out->size;
    qsort(fields->list, fields->count, sizeof fields->list[0], compare_fields);
    const struct value all = value_object(fields->list, fields->count);
    TRY(buffer_append(out, token));
    TRY(value_write_encoded(out, &all));
    uint8_t hash[SHA256_BYTES];
    out_identity->token = slice_of(out->data + begin, token.size);
    hash_sha256(&out_identity->token, 1, hash);
    hex_encode(slice_of(hash, IDENTITY_HASH_BYTES), out_identity->hash);
    out_identity->json = slice_of(out->data + begin + token.size, out->size - begin - token.size);
    return NULL;
}

cordon_error *identity_from_claims(
    const struct json_node *claims, struct buffer *out_text, struct identity *out_identity)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    struct fields fields = {.arena = &arena};
    TRY(add_names(
        &fields, json_string(json_get(claims, SLICE("iss"))),
        json_string(json_get(claims, SLICE("sub")))));
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        TRY(add_standard(
            &fields, attributes[i].attribute, attributes[i].kind,
            json_get(claims, slice_str(attributes[i].claim))));
    }
    TRY(add_custom(&fields, NULL, claims));
    const size_t before = out_text->size;
    TRY(write_fields(&fields, out_text, out_identity));
    if (out_text->size - before > IDENTITY_BYTES_MAX) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "an identity has at most %zu bytes", IDENTITY_BYTES_MAX);
    }
    return NULL;
}

cordon_error *identity_from_attributes(
    struct slice json, struct buffer *out_text, struct identity *out_identity)
{
    static const struct json_limits limits = {.bytes_max = (size_t)1 << 20, .depth_max = 16};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    TRY(json_parse(json, &limits, &doc));
    const struct json_node *root = json_root(doc);
    struct fields fields = {.arena = &arena};
    TRY(add_names(
        &fields, json_string(json_get(root, SLICE("issuer"))),
        json_string(json_get(root, SLICE("subject")))));
    struct json_walk walk = json_walk_fields(root);
    struct slice name;
    for (const struct json_node *node; (node = json_next_field(&walk, &name)) != NULL;) {
        TRY(add_value(&fields, name, node));
    }
    return write_fields(&fields, out_text, out_identity);
}
