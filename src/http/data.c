/*
 * Documents, environment variables and tenants for an operator: the query string becomes a page or
 * a batch of run/data/data.h, a body a change of run/deploy/environment.h or
 * run/tenant/tenant_admin.h, and what that says becomes the answer. On threads of its own (jobs.c):
 * a page or a batch reads and commits for some tens of milliseconds and waits for the disk, or for
 * machine code of functions that sleep, and must not be in the way of runs. One request of a tenant
 * at a time, and one of the operator, which may be for the same tenant; what they share has locks.
 */
#include "http/internal.h"

#include "http/body.h"
#include "http/key_file.h"
#include "run/audit/audit_prune.h"
#include "run/audit/auditor.h"
#include "run/data/data.h"
#include "run/deploy/environment.h"
#include "run/tenant/tenant_admin.h"
#include "run/tenant/tenant_quota.h"
#include "value/json.h"

/* A table's name, an id, a number, each with what percent-encoding may have added. */
#define PARAMETERS_BYTES_MAX 4096

/* What a target says beside its path; texts live in the buffer. */
struct parameters {
    struct slice target;
    struct buffer bytes;
};

static void parameters_done(struct parameters *parameters)
{
    buffer_done(&parameters->bytes);
}

static cordon_error *bad_parameter(const char *name, const char *what)
{
    return cordon_error_new(
        CORDON_E_INVALID,
        "the parameter `%s` of the query string is %s; give it as docs/protocol.md has it", name,
        what);
}

/* Empty if it is not there. The buffer never moves: it has its whole size from the beginning. */
static cordon_error *read_text(
    struct parameters *parameters, const char *name, struct slice *out_text)
{
    const size_t from = parameters->bytes.size;
    bool found = false;
    if (!http_target_parameter(parameters->target, name, &parameters->bytes, &found)) {
        return bad_parameter(name, "malformed or too long");
    }
    *out_text = slice_of(parameters->bytes.data + from, parameters->bytes.size - from);
    return NULL;
}

/* A decimal number up to `most`; 0 if it is not there. */
static cordon_error *read_number(
    struct parameters *parameters, const char *name, uint64_t most, uint64_t *out_number)
{
    struct slice text = {0};
    TRY(read_text(parameters, name, &text));
    if (text.size == 0) {
        *out_number = 0;
        return NULL;
    }
    return http_read_number(text, most, out_number)
               ? NULL
               : bad_parameter(name, "no whole number, or too large a one");
}

/* Which of these words it is; the first one if it is not there. The last one is NULL. */
static cordon_error *read_choice(
    struct parameters *parameters,
    const char *name,
    const char *const *words,
    const char *what,
    size_t *out_choice)
{
    struct slice text = {0};
    TRY(read_text(parameters, name, &text));
    size_t choice = 0;
    while (text.size > 0 && words[choice] != NULL && !slice_equal(text, slice_str(words[choice]))) {
        choice++;
    }
    if (words[choice] == NULL) {
        return bad_parameter(name, what);
    }
    *out_choice = choice;
    return NULL;
}

/* -- Audit ---------------------------------------------------------------------------------- */

static cordon_error *unrecorded(void)
{
    return cordon_error_new(
        CORDON_E_OVERLOADED,
        "what is read here is recorded, and too many records wait to be written to the audit log "
        "now; nothing was read, try again in a moment");
}

/* That an admin has begun an export stands in the audit log. `answer` names the snapshot. */
static cordon_error *note_export(
    struct tenant *tenant, struct slice answer, const struct audit_actor *actor)
{
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, PARAMETERS_BYTES_MAX);
    TRY(buffer_append(&body, SLICE("{\"kind\":\"export\",")));
    TRY(buffer_append(&body, slice_of(answer.data + 1, answer.size - 2))); /* what is in braces */
    TRY(audit_actor_end(&body, actor));
    return tenant_note_request(tenant, buffer_slice(&body)) ? NULL : unrecorded();
}

static cordon_error *note_read(
    struct tenant *tenant,
    enum auditor_read what,
    struct slice text,
    const struct audit_actor *actor)
{
    return tenant_note_read(tenant, what, text, actor) ? NULL : unrecorded();
}

/* -- Reading: what is of an export was recorded when that began ------------------------------ */

static cordon_error *hold(
    struct tenant *tenant, const struct audit_actor *actor, struct buffer *out)
{
    uint64_t snapshot = 0;
    TRY(data_hold(tenant->runner, tenant->number, &snapshot, out));
    cordon_error *error = note_export(tenant, buffer_slice(out), actor);
    if (error != NULL) {
        data_release(tenant->runner, tenant->number, snapshot);
    }
    return error;
}

static cordon_error *give_tables(
    struct tenant *tenant,
    struct parameters *parameters,
    const struct audit_actor *actor,
    struct buffer *out)
{
    uint64_t snapshot = 0;
    uint64_t after = 0;
    TRY(read_number(parameters, "snapshot", UINT64_MAX, &snapshot));
    TRY(read_number(parameters, "after", UINT32_MAX, &after));
    TRY(data_tables(tenant->runner, tenant->number, snapshot, (uint32_t)after, out));
    return snapshot != 0 ? NULL : note_read(tenant, AUDITOR_READS_TABLES, (struct slice){0}, actor);
}

static cordon_error *give_documents(
    struct tenant *tenant,
    struct parameters *parameters,
    const struct audit_actor *actor,
    struct buffer *out)
{
    static const char *const orders[] = {"asc", "desc", NULL};
    struct data_page page = {.limit = 0};
    size_t order = 0;
    uint64_t limit = 0;
    TRY(read_text(parameters, "table", &page.table));
    TRY(read_number(parameters, "snapshot", UINT64_MAX, &page.snapshot));
    TRY(read_text(parameters, "cursor", &page.cursor));
    TRY(read_choice(parameters, "order", orders, "neither `asc` nor `desc`", &order));
    TRY(read_number(parameters, "limit", UINT32_MAX, &limit));
    page.descending = order == 1;
    page.limit = (uint32_t)limit;
    TRY(data_documents(tenant->runner, tenant->number, &page, out));
    const bool is_of_export = page.snapshot != 0;
    return is_of_export ? NULL : note_read(tenant, AUDITOR_READS_DOCUMENTS, page.table, actor);
}

static cordon_error *release(
    struct tenant *tenant, struct parameters *parameters, struct buffer *out)
{
    uint64_t snapshot = 0;
    TRY(read_number(parameters, "snapshot", UINT64_MAX, &snapshot));
    data_release(tenant->runner, tenant->number, snapshot);
    return buffer_append(out, SLICE("{}"));
}

/* -- Writing -------------------------------------------------------------------------------- */

static cordon_error *import(
    struct tenant *tenant,
    struct parameters *parameters,
    const struct audit_actor *actor,
    struct slice body,
    struct buffer *out)
{
    static const char *const modes[] = {"add", "check", "check-replace", NULL};
    struct data_batch batch = {.lines = body, .actor = actor};
    size_t mode = 0;
    uint64_t number = 0;
    TRY(read_text(parameters, "table", &batch.table));
    TRY(read_number(parameters, "number", UINT32_MAX, &number));
    TRY(read_choice(parameters, "mode", modes, "none of `add`, `check`, `check-replace`", &mode));
    batch.check_only = mode > 0;
    batch.replaces = mode == 2;
    TRY(read_number(parameters, "line", UINT64_MAX, &batch.first_line));
    batch.number = (uint32_t)number;
    return data_import(tenant->runner, tenant->number, &batch, out);
}

static cordon_error *clear(
    struct tenant *tenant,
    struct parameters *parameters,
    const struct audit_actor *actor,
    struct buffer *out)
{
    struct slice table = {0};
    struct slice cursor = {0};
    TRY(read_text(parameters, "table", &table));
    TRY(read_text(parameters, "cursor", &cursor));
    return data_clear(tenant->runner, tenant->number, table, cursor, actor, out);
}

/* -- The audit log --------------------------------------------------------------------------- */

static cordon_error *prune(
    struct connection *connection, struct parameters *parameters, struct buffer *out)
{
    uint64_t before_ms = 0;
    struct audit_prune_request request = {.before = 0};
    TRY(read_number(parameters, "before", UINT64_MAX, &request.before));
    TRY(read_number(parameters, "before_ms", UINT64_MAX / 1000000, &before_ms));
    if ((request.before == 0) == (before_ms == 0)) {
        return cordon_error_new(
            CORDON_E_INVALID, "give one of `before`, the sequence of the first record that stays, "
                              "and `before_ms`, a time in milliseconds since 1970");
    }
    request.before_ns = before_ms * 1000000;
    request.actor = connection->actor;
    struct tenant *tenant = connection->tenant;
    cordon_error *error = audit_prune_log(
        runner_store(tenant->runner), tenant_auditor(tenant), tenant->number, &request, out);
    quota_pruned(tenant); /* some may have gone before it failed */
    return error;
}

/* -- Tenants -------------------------------------------------------------------------------- */

/* Keys of that name go, or they would be those of the next tenant with the name. */
static cordon_error *revoke_keys(void *arg, const char *name)
{
    const struct connection *connection = arg;
    struct http_server *server = connection->loop->server;
    return server_revoke_keys(server, name, &connection->actor);
}

/* -- One request ---------------------------------------------------------------------------- */

static cordon_error *perform(struct connection *connection, struct slice body)
{
    struct tenant *tenant = connection->tenant;
    const struct audit_actor *const actor = &connection->actor;
    struct buffer *out = &connection->scratch;
    CORDON_CLEANUP(parameters_done) struct parameters parameters = {
        .target = connection->parser.request.target};
    buffer_init(&parameters.bytes, PARAMETERS_BYTES_MAX);
    TRY(buffer_reserve(&parameters.bytes, PARAMETERS_BYTES_MAX));
    switch (connection->route.data) {
    case DATA_HOLD:
        return hold(tenant, actor, out);
    case DATA_RELEASE:
        return release(tenant, &parameters, out);
    case DATA_TABLES:
        return give_tables(tenant, &parameters, actor, out);
    case DATA_DOCUMENTS:
        return give_documents(tenant, &parameters, actor, out);
    case DATA_IMPORT:
        return import(tenant, &parameters, actor, body, out);
    case DATA_CLEAR:
        return clear(tenant, &parameters, actor, out);
    case DATA_ENV_LIST:
        TRY(note_read(tenant, AUDITOR_READS_ENV, (struct slice){0}, actor));
        return environment_list(tenant->runner, tenant->number, out);
    case DATA_ENV_CHANGE:
        TRY(environment_change(tenant->runner, tenant->number, body, actor));
        return buffer_append(out, SLICE("null")); /* as Convex answers, who reads none of it */
    case DATA_AUDIT_PRUNE:
        return prune(connection, &parameters, out);
    case DATA_TENANT_LIST:
        return tenant_admin_list(tenant->runner, out);
    case DATA_TENANT_CREATE:
        TRY(tenant_admin_create(tenant->runner, body, actor, revoke_keys, connection));
        return buffer_append(out, SLICE("{}"));
    case DATA_TENANT_CHANGE:
        TRY(tenant_admin_change(tenant->runner, body, actor));
        return buffer_append(out, SLICE("{}"));
    case DATA_TENANT_REMOVE:
        TRY(tenant_admin_remove(tenant->runner, body, actor, revoke_keys, connection));
        return buffer_append(out, SLICE("{}"));
    case DATA_DEPLOYS:
        return runner_list_deploys(tenant->runner, tenant->number, out);
    }
    return NULL;
}

static cordon_error *perform_and_answer(struct connection *connection)
{
    struct slice body;
    struct http_refusal refusal;
    buffer_clear(&connection->output);
    buffer_clear(&connection->scratch);
    if (!http_body_read(
            &connection->parser.request, connection->loop->server->settings.body_bytes_max,
            &connection->unpacked, &body, &refusal)) {
        return http_answer_refusal(&connection->output, &connection->frame, &refusal);
    }
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = perform(connection, body);
    exchange_drop_request(connection); /* so that there is room for the answer */
    if (error != NULL) {
        const cordon_error_code code = cordon_error_get_code(error);
        const struct http_refusal said = {
            cordon_error_code_http_status(code), cordon_error_code_name(code),
            cordon_error_get_message(error)};
        return http_answer_refusal(&connection->output, &connection->frame, &said);
    }
    connection->frame.status = 200;
    return http_answer(&connection->output, &connection->frame, buffer_slice(&connection->scratch));
}

void data_work(struct connection *connection)
{
    static const struct http_refusal unsaid = {
        503, "Overloaded",
        "The server has no memory for the answer now; what was asked for may have been done, and "
        "may be asked for again."};
    cordon_error *error = perform_and_answer(connection);
    if (connection->scratch.capacity > HTTP_KEPT_BYTES_MAX) {
        buffer_done(&connection->scratch);
    }
    connection->is_refused = error != NULL;
    connection->refusal = unsaid;
    if (error != NULL) { /* documents without ids would be there twice after a retry */
        connection->frame.may_have_run = connection->route.data == DATA_IMPORT;
    }
    cordon_error_free(error);
}
