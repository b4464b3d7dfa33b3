/* The public side of documents for operators, over run/. */
#include "api/api.h"

#include "audit/actor.h"
#include "run/data/data.h"
#include "run/runner.h"

static struct slice text_of(const char *text)
{
    return slice_str(text == NULL ? "" : text);
}

cordon_error *cordon_data_hold(cordon_runtime *runtime, const char *tenant, uint64_t *out_snapshot)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need(out_snapshot, "out_snapshot"));
    uint32_t number = TENANT_DEFAULT;
    TRY(api_find_tenant(runtime, tenant, &number));
    return store_hold(runtime->store, number, out_snapshot);
}

void cordon_data_release(cordon_runtime *runtime, const char *tenant, uint64_t snapshot)
{
    uint32_t number = TENANT_DEFAULT;
    cordon_error *const error = api_find_tenant(runtime, tenant, &number);
    if (error == NULL) {
        data_release(runtime->runner, number, snapshot);
    }
    cordon_error_free(error); /* then nothing is held */
}

cordon_error *cordon_data_tables(
    cordon_runtime *runtime, const char *tenant, uint64_t snapshot, uint32_t after, char **out_json)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need(out_json, "out_json"));
    uint32_t number = TENANT_DEFAULT;
    TRY(api_find_tenant(runtime, tenant, &number));
    CORDON_CLEANUP_BUFFER struct buffer answer;
    buffer_init(&answer, DATA_ANSWER_BYTES_MAX);
    TRY(data_tables(runtime->runner, number, snapshot, after, &answer));
    return api_give_text(&answer, out_json);
}

cordon_error *cordon_data_documents(
    cordon_runtime *runtime, const cordon_data_page *page, char **out_json)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need(out_json, "out_json"));
    cordon_data_page whole;
    uint32_t number = TENANT_DEFAULT;
    TRY(api_take_struct(page, "page", "cordon_data_page", sizeof whole, &whole));
    TRY(api_find_tenant(runtime, whole.tenant, &number));
    const struct data_page inside = {
        .table = text_of(whole.table),
        .snapshot = whole.snapshot,
        .cursor = text_of(whole.cursor),
        .descending = whole.descending,
        .limit = whole.limit,
    };
    CORDON_CLEANUP_BUFFER struct buffer answer;
    buffer_init(&answer, DATA_ANSWER_BYTES_MAX);
    TRY(data_documents(runtime->runner, number, &inside, &answer));
    return api_give_text(&answer, out_json);
}

cordon_error *cordon_data_import(
    cordon_runtime *runtime, const cordon_data_batch *batch, char **out_json)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need(out_json, "out_json"));
    cordon_data_batch whole;
    uint32_t number = TENANT_DEFAULT;
    TRY(api_take_struct(batch, "batch", "cordon_data_batch", sizeof whole, &whole));
    TRY(api_find_tenant(runtime, whole.tenant, &number));
    const struct audit_actor actor = audit_actor_local();
    const struct data_batch inside = {
        .table = text_of(whole.table),
        .number = whole.number,
        .check_only = whole.check_only,
        .replaces = whole.replaces,
        .lines = slice_of(whole.lines, whole.lines == NULL ? 0 : whole.lines_size),
        .first_line = whole.first_line,
        .actor = &actor,
    };
    CORDON_CLEANUP_BUFFER struct buffer answer;
    buffer_init(&answer, DATA_ANSWER_BYTES_MAX);
    TRY(data_import(runtime->runner, number, &inside, &answer));
    return api_give_text(&answer, out_json);
}

cordon_error *cordon_data_clear(
    cordon_runtime *runtime,
    const char *tenant,
    const char *table,
    const char *cursor,
    char **out_json)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need(out_json, "out_json"));
    uint32_t number = TENANT_DEFAULT;
    TRY(api_find_tenant(runtime, tenant, &number));
    CORDON_CLEANUP_BUFFER struct buffer answer;
    buffer_init(&answer, DATA_ANSWER_BYTES_MAX);
    const struct audit_actor actor = audit_actor_local();
    TRY(data_clear(runtime->runner, number, text_of(table), text_of(cursor), &actor, &answer));
    return api_give_text(&answer, out_json);
}
