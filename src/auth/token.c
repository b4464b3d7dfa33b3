/* JSON Web Tokens; see token.h. */
#include "auth/token.h"

#include "base/memory.h"
#include "value/base64.h"

#include <math.h>

static const struct json_limits limits = {.bytes_max = (size_t)1 << 20, .depth_max = 16};

static cordon_error *malformed(const char *what)
{
    return cordon_error_new(CORDON_E_INVALID, "%s", what);
}

/* -- Parts ---------------------------------------------------------------------------------- */

/* What is before the next dot, which is taken off too; false if there is none. */
static bool take_part(struct slice *text, struct slice *out_part)
{
    const uint8_t *dot = text->size == 0 ? NULL : memchr(text->data, '.', text->size);
    if (dot == NULL) {
        return false;
    }
    *out_part = slice_of(text->data, (size_t)(dot - text->data));
    *text = slice_from(*text, out_part->size + 1);
    return true;
}

/* A part is JSON, an object without repeated names, in base64. */
static cordon_error *read_object(struct slice part, uint8_t *room, struct json_doc **out_doc)
{
    size_t size = 0;
    if (part.size == 0 || !base64_decode(part, BASE64_URL, room, &size)) {
        return malformed("its parts are base64url without padding");
    }
    TRY(json_parse(slice_of(room, size), &limits, out_doc));
    const struct json_node *root = json_root(*out_doc);
    bool repeated = false;
    struct slice name;
    TRY(json_find_repeated(root, &repeated, &name));
    return json_kind(root) != JSON_OBJECT || repeated
               ? malformed("its header and claims are JSON objects with no name twice")
               : NULL;
}

/* Two objects and a signature, with dots in between. */
static cordon_error *read_parts(struct slice text, uint8_t *room, struct auth_token *token)
{
    struct slice header;
    struct slice claims;
    struct slice signature = text;
    if (!take_part(&signature, &header) || !take_part(&signature, &claims)) {
        return malformed("it is three parts with dots in between");
    }
    token->signed_part = slice_of(text.data, header.size + 1 + claims.size);
    TRY(read_object(header, room, &token->header));
    TRY(read_object(claims, room, &token->claims));
    size_t size = 0;
    if (base64_decoded_size_max(signature.size) > sizeof token->signature_room ||
        !base64_decode(signature, BASE64_URL, token->signature_room, &size)) {
        return malformed("its signature is base64url without padding");
    }
    token->signature = slice_of(token->signature_room, size);
    return NULL;
}

/* -- Claims --------------------------------------------------------------------------------- */

/* A string that must be there, and says something. */
static bool read_text(const struct json_node *object, struct slice name, struct slice *out_text)
{
    *out_text = json_string(json_get(object, name));
    return out_text->size > 0;
}

/* A time that may be there; false if it is no number. */
static bool read_time(
    const struct json_node *claims, struct slice name, double absent, double *out_time)
{
    const struct json_node *node = json_get(claims, name);
    *out_time = node == NULL ? absent : json_number(node);
    return node == NULL || json_kind(node) == JSON_NUMBER;
}

static bool is_audience(const struct json_node *audience)
{
    struct json_walk walk = json_walk_items(audience);
    for (const struct json_node *item; (item = json_next_item(&walk)) != NULL;) {
        if (json_kind(item) != JSON_STRING) {
            return false;
        }
    }
    const enum json_kind kind = json_kind(audience);
    return kind == JSON_MISSING || kind == JSON_STRING || kind == JSON_ARRAY;
}

/*
 * Of the types that name themselves, those that say who somebody is. One issuer signs others with
 * the same key, such as those that end a session (RFC 8725, 3.11).
 */
static bool is_known_type(const struct json_node *type)
{
    static const char *const types[] = {"JWT", "at+jwt", "application/jwt", "application/at+jwt"};
    const struct slice name = json_string(type);
    bool known = type == NULL;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        known = known || slice_equal_letters(name, slice_str(types[i]));
    }
    return known;
}

static cordon_error *read_header(struct auth_token *token)
{
    const struct json_node *header = json_root(token->header);
    const struct json_node *id = json_get(header, SLICE("kid"));
    if (!read_text(header, SLICE("alg"), &token->algorithm) ||
        (id != NULL && json_kind(id) != JSON_STRING)) {
        return malformed("its header has `alg`, a string, and `kid` is one");
    }
    token->key_id = id == NULL ? slice_of(NULL, 0) : json_string(id);
    token->is_plain = json_get(header, SLICE("crit")) == NULL &&
                      json_get(header, SLICE("b64")) == NULL &&
                      is_known_type(json_get(header, SLICE("typ")));
    return NULL;
}

static cordon_error *read_claims(struct auth_token *token)
{
    const struct json_node *claims = json_root(token->claims);
    if (!read_text(claims, SLICE("iss"), &token->issuer) ||
        !read_text(claims, SLICE("sub"), &token->subject)) {
        return malformed("it has `iss` and `sub`, strings");
    }
    if (!is_audience(json_get(claims, SLICE("aud")))) {
        return malformed("its `aud` is a string or a list of strings");
    }
    struct auth_times *times = &token->times;
    times->has_expiry = json_get(claims, SLICE("exp")) != NULL;
    if (!read_time(claims, SLICE("exp"), (double)-INFINITY, &times->expires_s) ||
        !read_time(claims, SLICE("nbf"), (double)-INFINITY, &times->not_before_s) ||
        !read_time(claims, SLICE("iat"), (double)-INFINITY, &times->issued_s)) {
        return malformed("its `exp`, `nbf` and `iat` are numbers");
    }
    return NULL;
}

static cordon_error *read_token(struct slice text, uint8_t *room, struct auth_token *token)
{
    TRY(read_parts(text, room, token));
    TRY(read_header(token));
    return read_claims(token);
}

/* Whatever a text does wrong, it is no token. */
static cordon_error *tell(cordon_error *error)
{
    if (error == NULL || cordon_error_get_code(error) == CORDON_E_NO_MEMORY ||
        cordon_error_get_code(error) == CORDON_E_INVALID) {
        return error;
    }
    cordon_error *told = malformed(cordon_error_get_message(error));
    cordon_error_free(error);
    return told;
}

cordon_error *auth_token_read(struct slice text, struct auth_token *out_token)
{
    *out_token = (struct auth_token){0};
    if (text.size > AUTH_TOKEN_BYTES_MAX) {
        return malformed("it is too long");
    }
    uint8_t *room = mem_new(base64_decoded_size_max(text.size));
    if (room == NULL) {
        return error_no_memory();
    }
    cordon_error *error = read_token(text, room, out_token);
    mem_free(room);
    return tell(error);
}

void auth_token_done(struct auth_token *token)
{
    json_free(token->header);
    json_free(token->claims);
    token->header = NULL;
    token->claims = NULL;
}

/* -- Questions ------------------------------------------------------------------------------ */

bool auth_token_is_for(const struct auth_token *token, struct slice application_id)
{
    const struct json_node *audience = json_get(json_root(token->claims), SLICE("aud"));
    if (json_kind(audience) == JSON_STRING) {
        return slice_equal(json_string(audience), application_id);
    }
    struct json_walk walk = json_walk_items(audience);
    for (const struct json_node *item; (item = json_next_item(&walk)) != NULL;) {
        if (slice_equal(json_string(item), application_id)) {
            return true;
        }
    }
    return false;
}

bool auth_times_hold(const struct auth_times *times, double now_s, double skew_s)
{
    return times->has_expiry && now_s < times->expires_s + skew_s &&
           times->not_before_s <= now_s + skew_s && times->issued_s <= now_s + skew_s;
}
