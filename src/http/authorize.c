/*
 * Who asks: nobody in particular, a user by a token that a provider has signed, the holder of an
 * admin key, or the holder of one who acts as a user, as Convex's clients say it: `Convex
 * KEY:IDENTITY`, a JSON object in base64.
 *
 * What is said of a token is Convex's: that it is none, that nobody here speaks for its issuer, or
 * that it is not accepted; why not, and at what point, is told by neither words nor time.
 */
#include "base/clock.h"
#include "http/internal.h"
#include "run/tenant/tenant_quota.h"
#include "value/base64.h"

#include <stdio.h>
#include <sys/socket.h>

#define NO_MEMORY_REFUSAL                                                                          \
    {503, "Overloaded",                                                                            \
     "The server has no memory or too many open files to look who asks now. Nothing was run; a "   \
     "retry is safe."}

static const struct http_refusal unseen = NO_MEMORY_REFUSAL;

void authorize_tell(void *arg, const char *path, const char *words)
{
    const struct log_field fields[] = {
        LOG_FIELD_STRING("message", slice_str(words)), LOG_FIELD_STRING("file", slice_str(path))};
    log_write(arg, LOG_WARN, "auth_keys_ignored", fields, sizeof fields / sizeof fields[0]);
}

/* -- Users ---------------------------------------------------------------------------------- */

static bool sign_in(
    struct connection *connection, struct slice token, struct http_refusal *out_refusal)
{
    static const struct http_refusal refusals[] = {
        [AUTH_MALFORMED] =
            {401, "InvalidAuthHeader",
             "What stands behind `Bearer` is no token: three parts in base64url with dots in "
             "between, a header with `alg`, claims with `iss` and `sub`, and a signature."},
        [AUTH_NO_PROVIDER] =
            {401, "NoAuthProvider",
             "No auth provider of this server has the token's issuer and audience; its operator "
             "names them in the setting `auth_providers`."},
        [AUTH_REJECTED] =
            {401, "Unauthenticated",
             "The token is not accepted: its signature, its key or its time is not good. Sign in "
             "again."},
        [AUTH_UNSEEN] = NO_MEMORY_REFUSAL,
    };
    struct auth_config *const auth = site_auth(&connection->loop->server->site);
    const enum auth_verdict verdict = auth_memo_judge(
        &connection->signed_in, auth, slice_str(connection->tenant->name), token,
        (double)clock_wall_ns() / 1e9, &connection->identity);
    auth_config_unref(auth);
    if (verdict != AUTH_ACCEPTED) {
        *out_refusal = refusals[verdict];
    }
    return verdict == AUTH_ACCEPTED;
}

/* -- Admins --------------------------------------------------------------------------------- */

/* Puts the identity that an admin acts as behind its text. */
static cordon_error *read_acting(
    struct slice text, struct buffer *words, struct identity *out_identity)
{
    CORDON_CLEANUP_BUFFER struct buffer json;
    buffer_init_charged(&json, HTTP_HEAD_BYTES_MAX, words->account);
    TRY(buffer_reserve(&json, base64_decoded_size_max(text.size)));
    if (!base64_decode(text, BASE64_STANDARD, json.data, &json.size)) {
        return cordon_error_new(CORDON_E_INVALID, "it is no base64");
    }
    return identity_from_attributes(buffer_slice(&json), words, out_identity);
}

static bool act_as(
    struct connection *connection, struct slice acting, struct http_refusal *out_refusal)
{
    static const struct http_refusal malformed = {
        401, "InvalidAuthHeader",
        "What stands behind the admin key and `:` is no identity: a JSON object with `issuer` and "
        "`subject`, in base64."};
    buffer_clear(&connection->identity_text);
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        read_acting(acting, &connection->identity_text, &connection->identity);
    if (error == NULL) {
        return true;
    }
    const cordon_error_code code = cordon_error_get_code(error);
    *out_refusal = code == CORDON_E_NO_MEMORY || code == CORDON_E_OVERLOADED ? unseen : malformed;
    return false;
}

/* With the id that the request came with, if it has a good one. */
static void set_actor(struct connection *connection, const struct audit_actor *actor)
{
    const struct slice id = connection->parser.request.headers[HTTP_CONVEX_REQUEST_ID];
    connection->actor = *actor;
    if (http_request_id_accepted(id)) {
        (void)snprintf(
            connection->actor.request_id, sizeof connection->actor.request_id, "%.*s",
            SLICE_FMT(id));
    }
}

static void set_key(struct connection *connection, const char *by, const struct key_id *key)
{
    struct audit_actor actor = {.by = ""};
    (void)snprintf(actor.by, sizeof actor.by, "%s", by);
    (void)snprintf(actor.key, sizeof actor.key, "%s", key->text);
    set_actor(connection, &actor);
}

static bool judge_key(
    struct connection *connection, struct slice header, struct http_refusal *out_refusal)
{
    static const struct http_refusal refused = {
        401, "BadAdminKey",
        "The admin key is not accepted. `cordon keygen admin --data DIR` makes one for the "
        "server's data folder."};
    struct key_id key;
    const enum keys_verdict verdict = keys_judge(
        connection->loop->server->keys, slice_str(connection->tenant->name), header, &key);
    connection->is_admin = verdict == KEYS_ACCEPTED;
    if (!connection->is_admin) {
        *out_refusal = verdict == KEYS_UNSEEN ? unseen : refused;
        return false;
    }
    set_key(connection, "admin key", &key);
    const struct slice acting = keys_acting(header);
    return acting.data == NULL || act_as(connection, acting, out_refusal);
}

/* -- The operator --------------------------------------------------------------------------- */

/* Who is at the other end of a Unix socket, as the kernel says. */
static struct audit_actor user_of(const struct connection *connection)
{
    struct ucred who;
    socklen_t size = sizeof who;
    uv_os_fd_t fd = -1;
    const bool known = uv_fileno(&connection->socket.handle, &fd) == 0 &&
                       getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.pid != 0;
    return known ? audit_actor_user(who.uid, "at the operator's listener")
                 : (struct audit_actor){.by = "the operator's listener"};
}

bool authorize_operator(struct connection *connection, struct http_refusal *out_refusal)
{
    static const struct http_refusal refused = {
        401, "BadOperatorKey",
        "The operator's listener needs the operator's key at an address: `Authorization: Bearer "
        "<key>`. `cordon keygen operator --data DIR` makes one, which commands take from "
        "$CORDON_OPERATOR_KEY; a Unix socket needs none."};
    if (!connection->needs_operator_key) {
        const struct audit_actor user = user_of(connection);
        set_actor(connection, &user);
        return true;
    }
    struct key_id key = {""};
    const enum keys_verdict verdict = keys_judge_operator(
        connection->loop->server->keys, connection->parser.request.headers[HTTP_AUTHORIZATION],
        &key);
    if (verdict != KEYS_ACCEPTED) {
        *out_refusal = verdict == KEYS_UNSEEN ? unseen : refused;
        return false;
    }
    set_key(connection, "operator key", &key);
    return true;
}

/* -- Both ----------------------------------------------------------------------------------- */

/* Whether a header is of a scheme, with something behind it or without. */
static bool has_scheme(struct slice header, const char *scheme)
{
    struct slice rest = {0};
    return http_token_is(header, scheme) || http_authorization_is(header, scheme, &rest);
}

bool authorize(struct connection *connection, struct http_refusal *out_refusal)
{
    static const struct http_refusal missing = {
        401, "BadAdminKey",
        "This call needs an admin key: `Authorization: Convex <key>`. `cordon keygen admin --data "
        "DIR` makes one."};
    static const struct http_refusal no_token = {
        401, "InvalidAuthHeader",
        "The request says that somebody has signed in, but not who: there is no token behind "
        "`Bearer`. Sign in again."};
    static const struct http_refusal unknown = {
        401, "InvalidAuthHeader",
        "The request's Authorization header is none that this server knows: it has a user's token "
        "behind `Bearer`. Sign in again."};
    const struct slice header = connection->parser.request.headers[HTTP_AUTHORIZATION];
    struct slice token = {0};
    connection->is_admin = false;
    connection->identity = (struct identity){0};
    if (connection->is_operator) { /* whom authorize_operator() knows: its key is no token */
        return true;
    }
    connection->actor = (struct audit_actor){.by = ""};
    const bool is_user = http_authorization_is(header, "bearer", &token);
    const bool is_key = has_scheme(header, "convex");
    if (connection->route.needs_admin && !is_key) {
        *out_refusal = missing;
        return false;
    }
    if (is_user) {
        return sign_in(connection, token, out_refusal);
    }
    if (is_key) {
        return judge_key(connection, header, out_refusal);
    }
    *out_refusal = has_scheme(header, "bearer") ? no_token : unknown;
    return header.data == NULL;
}

/* -- What can't be recorded ----------------------------------------------------------------- */

/* Whether what is asked for stands in the audit log once it is done. */
static bool is_recorded(const struct http_route *route)
{
    if (route->id != ROUTE_DATA) {
        return route->id != ROUTE_RECORD || records_is_id(route->record); /* else nothing is told */
    }
    switch (route->data) {
    case DATA_HOLD:
    case DATA_TABLES:
    case DATA_DOCUMENTS:
    case DATA_IMPORT:
    case DATA_CLEAR:
    case DATA_ENV_LIST:
    case DATA_ENV_CHANGE:
        return true;
    case DATA_RELEASE:
    case DATA_DEPLOYS:
    case DATA_AUDIT_PRUNE: /* these are the operator's */
    case DATA_TENANT_LIST:
    case DATA_TENANT_CREATE:
    case DATA_TENANT_CHANGE:
    case DATA_TENANT_REMOVE:
        break;
    }
    return false;
}

/* The words live in a buffer of the connection. */
static void refuse_full(
    struct connection *connection, const cordon_error *error, struct http_refusal *out_refusal)
{
    struct buffer *words = &connection->identity_text;
    const cordon_error_code code = cordon_error_get_code(error);
    const struct http_refusal said = code == CORDON_E_AUDIT_FULL
                                         ? (struct http_refusal){507, "AuditFull", NULL}
                                         : (struct http_refusal){503, "Overloaded", NULL};
    const bool is_told = code == CORDON_E_AUDIT_FULL || code == CORDON_E_OVERLOADED;
    buffer_clear(words);
    cordon_error *unsaid = buffer_printf(words, "%s", cordon_error_get_message(error));
    if (unsaid == NULL) {
        unsaid = buffer_append_byte(words, '\0');
    }
    *out_refusal = unseen;
    if (unsaid == NULL && is_told) {
        *out_refusal = said;
        out_refusal->message = (const char *)words->data;
    }
    cordon_error_free(unsaid);
}

bool authorize_recorded(struct connection *connection, struct http_refusal *out_refusal)
{
    if (!authorize(connection, out_refusal)) {
        return false;
    }
    if (connection->is_operator || !is_recorded(&connection->route)) {
        return true;
    }
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = quota_check_audit(connection->tenant);
    if (error != NULL) {
        refuse_full(connection, error, out_refusal);
    }
    return error == NULL;
}
