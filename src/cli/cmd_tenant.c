/*
 * `cordon tenant`: makes, lists, changes and removes tenants, by the operator's listener of a
 * server or in a folder that no server uses.
 */
#include <string.h>
#include <time.h>

#include "cli/flags.h"
#include "cli/http.h"
#include "cli/local.h"
#include "cli/operator.h"
#include "cli/terminal.h"

/* Where it is done. */
struct place {
    struct cli_options options;
    struct text socket_path;
    const char *socket;
    cordon_runtime *runtime; /* NULL: a server */
};

static int place_open(struct place *place, const struct cli_options *options)
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
    struct cli_options inside = place->options;
    memset(&inside.limits, 0, sizeof inside.limits); /* those of the tenant, not of this process */
    cordon_error *const error = local_open(&inside, &place->runtime);
    return error == NULL ? CLI_OK : local_fail(options, error);
}

static void place_close(struct place *place)
{
    cordon_runtime_free(place->runtime);
    text_done(&place->socket_path);
}

/* -- Listing -------------------------------------------------------------------------------- */

static int read_list(struct place *place, struct text *list)
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

static const cordon_json_value *member(const cordon_json_value *object, const char *name)
{
    return cordon_json_get_member(object, name);
}

static void print_hosts(const cordon_json_value *hosts)
{
    cordon_json_walk walk = cordon_json_walk_begin(hosts);
    if (walk.left == 0) {
        (void)fputs("  -", stdout);
    }
    const char *between = "  ";
    for (const cordon_json_value *host; (host = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        (void)fputs(between, stdout);
        terminal_write(stdout, cordon_json_get_text(host));
        between = ",";
    }
}

/* `  name=number`, if it is one. */
static void print_number(const cordon_json_value *value, const char *name)
{
    uint64_t number = 0;
    if (cordon_json_get_u64(value, &number)) {
        (void)printf("  %s=%llu", name, (unsigned long long)number);
    }
}

static void print_limits(const cordon_json_value *limits)
{
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const char *const name = cordon_limit_get_info((cordon_limit)i)->name;
        print_number(member(limits, name), name);
    }
}

static int print_list(const struct cli_options *options, const cordon_json_value *list)
{
    if (options->format == CLI_JSON) {
        char *text = NULL;
        cordon_error *const error = cordon_json_write(list, &text);
        return error != NULL ? terminal_error(error) : terminal_print_json(text);
    }
    cordon_json_walk walk = cordon_json_walk_begin(list);
    for (const cordon_json_value *tenant; (tenant = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        terminal_write(stdout, cordon_json_get_text(member(tenant, "name")));
        print_hosts(member(tenant, "hosts"));
        print_limits(member(tenant, "limits"));
        print_number(member(tenant, "weight"), "weight");
        (void)fputc('\n', stdout);
    }
    return CLI_OK;
}

static int list(struct place *place)
{
    TEXT_CLEANUP answer = {0};
    JSON_CLEANUP json = NULL;
    const int failed = read_list(place, &answer);
    if (failed != CLI_OK) {
        return failed;
    }
    cordon_error *const error =
        cordon_json_parse(answer.size == 0 ? "" : answer.data, answer.size, &json);
    if (error != NULL) {
        cordon_error_free(error);
        return terminal_fail(
            CLI_MACHINE, "the answer is no list of tenants; name the operator's listener of a "
                         "Cordon server with --url");
    }
    return print_list(&place->options, cordon_json_get_root(json));
}

/* -- Changes -------------------------------------------------------------------------------- */

static int append_quoted(struct text *out, const char *string)
{
    char *quoted = NULL;
    cordon_error *const error = cordon_json_quote(terminal_text(string), &quoted);
    if (error != NULL) {
        return terminal_error(error);
    }
    text_printf(out, "%s", quoted);
    cordon_free(quoted);
    return CLI_OK;
}

static int append_hosts(struct text *out, const struct cli_options *options)
{
    text_printf(out, ",\"hosts\":[");
    for (size_t i = 0; i < options->host_count; i++) {
        text_printf(out, "%s", i == 0 ? "" : ",");
        const int failed = append_quoted(out, options->hosts[i]);
        if (failed != CLI_OK) {
            return failed;
        }
    }
    text_printf(out, "]");
    return CLI_OK;
}

static void append_limits(struct text *out, const cordon_limit_set *limits)
{
    bool is_first = true;
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        if (limits->set[i]) {
            text_printf(
                out, "%s\"%s\":%llu", is_first ? ",\"limits\":{" : ",",
                cordon_limit_get_info((cordon_limit)i)->name, (unsigned long long)limits->value[i]);
            is_first = false;
        }
    }
    text_printf(out, "%s}", is_first ? "" : "}");
}

static int write_change(struct text *out, const struct cli_options *options)
{
    text_printf(out, "{\"name\":");
    int failed = append_quoted(out, options->operands[1]);
    if (failed == CLI_OK && options->host_count > 0) {
        failed = append_hosts(out, options);
    }
    if (options->has_weight) {
        text_printf(out, ",\"weight\":%llu", (unsigned long long)options->weight);
    }
    append_limits(out, &options->limits);
    return failed;
}

/* One deed with its path at a server and its function of the library. */
struct deed {
    const char *name;
    const char *path;
    cordon_error *(*change)(cordon_runtime *runtime, const char *json, size_t size);
    bool takes_settings;
    const char *done;
};

static int change(struct place *place, const struct deed *deed)
{
    TEXT_CLEANUP body = {0};
    TEXT_CLEANUP answer = {0};
    const struct cli_options *const options = &place->options;
    int failed = write_change(&body, options);
    if (failed != CLI_OK) {
        return failed;
    }
    if (place->runtime == NULL) {
        const struct http_request request = {
            .options = options,
            .path = deed->path,
            .content_type = "application/json",
            .body = &body,
            .socket = place->socket,
        };
        failed = http_post(&request, &answer);
    } else {
        cordon_error *const error = deed->change(place->runtime, body.data, body.size);
        failed = error == NULL ? CLI_OK : local_fail(options, error);
    }
    if (failed == CLI_OK && options->format == CLI_TEXT) {
        (void)fprintf(stderr, "The tenant %s was %s.\n", options->operands[1], deed->done);
    }
    return failed;
}

static const struct deed deeds[] = {
    {"create", "/tenants/create", cordon_tenant_create, true, "made"},
    {"change", "/tenants/change", cordon_tenant_change, true, "changed"},
    {"remove", "/tenants/remove", cordon_tenant_remove, false, "removed"},
};

static bool has_settings(const struct cli_options *options)
{
    bool any = options->host_count > 0 || options->has_weight;
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        any = any || options->limits.set[i];
    }
    return any;
}

static int check_deed(const struct cli_options *options, const struct deed *deed)
{
    if (options->operand_count != 2) {
        return terminal_usage(
            options->command, "`cordon tenant %s` takes the name of one tenant", deed->name);
    }
    if (has_settings(options) && !deed->takes_settings) {
        return terminal_usage(
            options->command, "`cordon tenant %s` takes no --host, --limit or --weight",
            deed->name);
    }
    return CLI_OK;
}

static const struct deed *find_deed(const char *name)
{
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        if (strcmp(name, deeds[i].name) == 0) {
            return &deeds[i];
        }
    }
    return NULL;
}

static int run(const struct cli_options *options)
{
    const struct deed *const deed = find_deed(options->operands[0]);
    if (deed == NULL && strcmp(options->operands[0], "list") != 0) {
        return terminal_usage(
            options->command,
            "there is no `cordon tenant %s`; it is create, list, change or remove",
            options->operands[0]);
    }
    if (deed == NULL && (options->operand_count > 1 || has_settings(options))) {
        return terminal_usage(options->command, "`cordon tenant list` takes nothing more");
    }
    const int wrong = deed == NULL ? CLI_OK : check_deed(options, deed);
    if (wrong != CLI_OK) {
        return wrong;
    }
    CLI_CLEANUP(place_close) struct place place = {0};
    const int failed = place_open(&place, options);
    return failed != CLI_OK ? failed : deed == NULL ? list(&place) : change(&place, deed);
}

static const struct cli_flag flags[] = {
    {"host", "NAME", "a host name by which it is reached; may be given 16 times", flags_set_host},
    {"limit", "NAME=VALUE", "lowers a limit for it (see `cordon limits`)", flags_set_limit},
    {"weight", "PERCENT", "its share of the processors beside others (default 100)",
     flags_set_weight},
    {"data", "DIR", "the data folder of the server (default " CLI_DEFAULT_DATA ")", flags_set_data},
    {"url", "URL", "the operator's listener of a server, in place of --data", flags_set_url},
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_tenant = {
    .name = "tenant",
    .operands = "create NAME|list|change NAME|remove NAME",
    .operands_min = 1,
    .operands_max = 2,
    .summary = "makes, lists, changes or removes tenants of a server",
    .details =
        "A tenant is a deployment of its own: functions, documents, variables, keys, audit log\n"
        "and limits. A request is for the tenant that has its host name, exactly; the tenant\n"
        "`default` is always there and has the names of the server's settings. `change` replaces\n"
        "what is given of hosts, limits and weight. `remove` erases everything but the audit log.\n"
        "The server takes changes at once; without one the data folder is changed.\n"
        "\n"
        "Exit code: 0 success; 2 wrong usage, or a name, host or limit that cannot be; 5 no\n"
        "server answers, or it failed.",
    .example =
        "  cordon tenant create acme --host acme.example.com --limit tenant_bytes=10000000000\n"
        "  cordon tenant list",
    .flags = flags,
    .run = run,
};
