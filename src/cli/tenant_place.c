/* Where tenants are; see tenant_place.h. */
#include "cli/tenant_place.h"

#include <string.h>

#include "cli/http.h"
#include "cli/local.h"
#include "cli/operator.h"
#include "cli/terminal.h"

/* In the folder itself. */
static cordon_error *open_folder(struct tenant_place *place)
{
    struct cli_options inside = place->options;
    memset(&inside.limits, 0, sizeof inside.limits); /* those of a tenant, not of this process */
    return local_open(&inside, &place->runtime);
}

int tenant_place_open(struct tenant_place *place, const struct cli_options *options)
{
    if (operator_find(options, &place->socket_path, &place->options, &place->socket)) {
        return CLI_OK;
    }
    if (!cordon_data_folder_has_store(place->options.data)) {
        return terminal_fail(
            CLI_USAGE,
            "there is no store in '%s'; name the data folder of a server with --data, or its "
            "operator's listener with --url",
            place->options.data);
    }
    if (operator_is_elsewhere(place->options.data)) {
        return CLI_MACHINE;
    }
    cordon_error *const error = open_folder(place);
    return error == NULL ? CLI_OK : local_fail(options, error);
}

void tenant_place_close(struct tenant_place *place)
{
    cordon_runtime_free(place->runtime);
    text_done(&place->socket_path);
}

static int read_list(struct tenant_place *place, struct text *list)
{
    if (place->runtime == NULL) {
        const struct http_request request = {
            .options = &place->options, .path = "/tenants", .socket = place->socket};
        return http_get(&request, list);
    }
    char *json = NULL;
    cordon_error *const error = cordon_tenant_list(place->runtime, &json);
    if (error != NULL) {
        return local_fail(&place->options, error);
    }
    text_append(list, json, strlen(json));
    cordon_free(json);
    return CLI_OK;
}

int tenant_place_list(struct tenant_place *place, cordon_json **out_list)
{
    TEXT_CLEANUP answer = {0};
    const int failed = read_list(place, &answer);
    if (failed != CLI_OK) {
        return failed;
    }
    cordon_error *const error =
        cordon_json_parse(answer.size == 0 ? "" : answer.data, answer.size, out_list);
    if (error != NULL) {
        cordon_error_free(error);
        return terminal_fail(
            CLI_MACHINE, "the answer is no list of tenants; name the operator's listener of a "
                         "Cordon server with --url");
    }
    return CLI_OK;
}

const cordon_json_value *tenant_place_find(const cordon_json_value *list, const char *tenant)
{
    cordon_json_walk walk = cordon_json_walk_begin(list);
    for (const cordon_json_value *one; (one = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        const cordon_text name = cordon_json_get_text(cordon_json_get_member(one, "name"));
        if (name.size == strlen(tenant) && memcmp(name.data, tenant, name.size) == 0) {
            return one;
        }
    }
    return NULL;
}

int tenant_place_has(
    const struct cli_options *options, const char *tenant, bool *out_known, bool *out_has)
{
    CLI_CLEANUP(tenant_place_close) struct tenant_place place = {0};
    JSON_CLEANUP json = NULL;
    *out_known = false;
    if (!operator_find(options, &place.socket_path, &place.options, &place.socket)) {
        cordon_error *const error =
            cordon_data_folder_has_store(place.options.data) ? open_folder(&place) : NULL;
        if (place.runtime == NULL) { /* it has none, or a process has it */
            cordon_error_free(error);
            return CLI_OK;
        }
    }
    const int failed = tenant_place_list(&place, &json);
    *out_known = failed == CLI_OK;
    *out_has = *out_known && tenant_place_find(cordon_json_get_root(json), tenant) != NULL;
    return failed;
}
