/*
 * `cordon tenant`: makes, lists, changes and removes tenants, by the operator's listener of a
 * server or in a folder that no server uses.
 */
#include <string.h>

#include "cli/flags.h"
#include "cli/http.h"
#include "cli/local.h"
#include "cli/tenant_place.h"
#include "cli/terminal.h"

/* -- Listing -------------------------------------------------------------------------------- */

static const cordon_json_value *member(const cordon_json_value *object, const char *name)
{
    return cordon_json_get_member(object, name);
}

static void print_hosts(FILE *file, const cordon_json_value *hosts)
{
    cordon_json_walk walk = cordon_json_walk_begin(hosts);
    if (walk.left == 0) {
        (void)fputs("  -", file);
    }
    const char *between = "  ";
    for (const cordon_json_value *host; (host = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        (void)fputs(between, file);
        terminal_write(file, cordon_json_get_text(host));
        between = ",";
    }
}

/* `  name=number`, if it is one. */
static void print_number(FILE *file, const cordon_json_value *value, const char *name)
{
    uint64_t number = 0;
    if (cordon_json_get_u64(value, &number)) {
        (void)fprintf(file, "  %s=%llu", name, (unsigned long long)number);
    }
}

/* Hosts, limits and weight. */
static void print_settings(FILE *file, const cordon_json_value *tenant)
{
    print_hosts(file, member(tenant, "hosts"));
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const char *const name = cordon_limit_get_info((cordon_limit)i)->name;
        print_number(file, member(member(tenant, "limits"), name), name);
    }
    print_number(file, member(tenant, "weight"), "weight");
}

static int print_json(const cordon_json_value *value)
{
    char *text = NULL;
    cordon_error *const error = cordon_json_write(value, &text);
    return error != NULL ? terminal_error(error) : terminal_print_json(text);
}

static int print_list(const struct cli_options *options, const cordon_json_value *list)
{
    if (options->format == CLI_JSON) {
        return print_json(list);
    }
    cordon_json_walk walk = cordon_json_walk_begin(list);
    for (const cordon_json_value *tenant; (tenant = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        terminal_write(stdout, cordon_json_get_text(member(tenant, "name")));
        print_settings(stdout, tenant);
        print_number(stdout, member(tenant, "dataBytes"), "dataBytes");
        (void)fputc('\n', stdout);
    }
    return CLI_OK;
}

static int list(struct tenant_place *place)
{
    JSON_CLEANUP json = NULL;
    const int failed = tenant_place_list(place, &json);
    return failed != CLI_OK ? failed : print_list(&place->options, cordon_json_get_root(json));
}

/* -- Changes -------------------------------------------------------------------------------- */

static int append_hosts(struct text *out, const struct cli_options *options)
{
    text_printf(out, ",\"hosts\":[");
    for (size_t i = 0; i < options->host_count; i++) {
        text_printf(out, "%s", i == 0 ? "" : ",");
        const int failed = text_append_quoted(out, terminal_text(options->hosts[i]));
        if (failed != CLI_OK) {
            return failed;
        }
    }
    text_printf(out, "]");
    return CLI_OK;
}

/* All of one that is made; of one that is changed those that are named, null for the default. */
static void append_limits(struct text *out, const struct cli_options *options, bool is_new)
{
    const char *const head = is_new ? ",\"limits\":{" : ",\"set_limits\":{";
    size_t count = 0;
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const char *const before = count == 0 ? head : ",";
        const char *const name = cordon_limit_get_info((cordon_limit)i)->name;
        if (options->limits.set[i]) {
            text_printf(
                out, "%s\"%s\":%llu", before, name, (unsigned long long)options->limits.value[i]);
        } else if (options->unset_limits[i]) {
            text_printf(out, "%s\"%s\":null", before, name);
        } else {
            continue;
        }
        count++;
    }
    text_printf(out, "%s}", count > 0 ? "}" : "");
}

static int write_change(struct text *out, const struct cli_options *options, bool is_new)
{
    text_printf(out, "{\"name\":");
    int failed = text_append_quoted(out, terminal_text(options->operands[1]));
    if (failed == CLI_OK && (options->host_count > 0 || options->no_hosts)) {
        failed = append_hosts(out, options);
    }
    if (options->has_weight) {
        text_printf(out, ",\"weight\":%llu", (unsigned long long)options->weight);
    }
    append_limits(out, options, is_new);
    return failed;
}

enum deed_kind { DEED_CREATE, DEED_CHANGE, DEED_REMOVE };

/* One deed with its path at a server and its function of the library. */
struct deed {
    enum deed_kind kind;
    const char *name;
    const char *path;
    cordon_error *(*change)(cordon_runtime *runtime, const char *json, size_t size);
    const char *done;
};

static int send_change(struct tenant_place *place, const struct deed *deed, const struct text *body)
{
    TEXT_CLEANUP answer = {0};
    if (place->runtime == NULL) {
        const struct http_request request = {
            .options = &place->options,
            .path = deed->path,
            .content_type = "application/json",
            .body = body,
            .socket = place->socket,
        };
        return http_post(&request, &answer);
    }
    cordon_error *const error = deed->change(place->runtime, body->data, body->size);
    return error == NULL ? CLI_OK : local_fail(&place->options, error);
}

/* A limit that is higher than the server's is no mistake that anybody would see. */
static void warn_of_limits(const cordon_json_value *tenant)
{
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const char *const name = cordon_limit_get_info((cordon_limit)i)->name;
        uint64_t of_tenant = 0;
        uint64_t of_server = 0;
        if (cordon_json_get_u64(member(member(tenant, "limits"), name), &of_tenant) &&
            cordon_json_get_u64(member(member(tenant, "serverLimits"), name), &of_server)) {
            (void)terminal_fail(
                0,
                "warning: the limit %s=%llu is above the server's, and changes nothing: %llu "
                "holds",
                name, (unsigned long long)of_tenant, (unsigned long long)of_server);
        }
    }
}

/* What holds now. A folder does not know the limits of its server. */
static int tell_change(struct tenant_place *place, const struct deed *deed)
{
    JSON_CLEANUP json = NULL;
    const char *const name = place->options.operands[1];
    const bool is_text = place->options.format == CLI_TEXT;
    if (deed->kind == DEED_REMOVE) {
        if (is_text) {
            (void)fprintf(stderr, "The tenant %s was %s.\n", name, deed->done);
        }
        return CLI_OK;
    }
    const int failed = tenant_place_list(place, &json);
    const cordon_json_value *const tenant =
        failed == CLI_OK ? tenant_place_find(cordon_json_get_root(json), name) : NULL;
    if (failed != CLI_OK || tenant == NULL) { /* somebody else has removed it again */
        return failed;
    }
    if (place->runtime == NULL) {
        warn_of_limits(tenant);
    }
    if (!is_text) {
        return print_json(tenant);
    }
    (void)fprintf(stderr, "The tenant %s was %s:", name, deed->done);
    print_settings(stderr, tenant);
    (void)fputc('\n', stderr);
    return CLI_OK;
}

static int change(struct tenant_place *place, const struct deed *deed)
{
    TEXT_CLEANUP body = {0};
    int failed = write_change(&body, &place->options, deed->kind == DEED_CREATE);
    failed = failed != CLI_OK ? failed : send_change(place, deed, &body);
    return failed != CLI_OK ? failed : tell_change(place, deed);
}

static const struct deed deeds[] = {
    {DEED_CREATE, "create", "/tenants/create", cordon_tenant_create, "made"},
    {DEED_CHANGE, "change", "/tenants/change", cordon_tenant_change, "changed"},
    {DEED_REMOVE, "remove", "/tenants/remove", cordon_tenant_remove, "removed"},
};

static bool any_limit(const bool named[CORDON_LIMIT_COUNT])
{
    bool any = false;
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        any = any || named[i];
    }
    return any;
}

/* What takes something away. */
static bool has_removals(const struct cli_options *options)
{
    return options->no_hosts || any_limit(options->unset_limits);
}

static bool has_settings(const struct cli_options *options)
{
    return options->host_count > 0 || options->has_weight || any_limit(options->limits.set) ||
           has_removals(options);
}

static int check_deed(const struct cli_options *options, const struct deed *deed)
{
    if (options->operand_count != 2) {
        return terminal_usage(
            options->command, "`cordon tenant %s` takes the name of one tenant", deed->name);
    }
    if (deed->kind == DEED_REMOVE && has_settings(options)) {
        return terminal_usage(
            options->command, "`cordon tenant remove` takes no --host, --limit or --weight");
    }
    if (deed->kind == DEED_CREATE && has_removals(options)) {
        return terminal_usage(
            options->command,
            "`cordon tenant create` takes no --limit NAME=default and no --no-hosts: a new tenant "
            "has none");
    }
    if (deed->kind == DEED_CHANGE && !has_settings(options)) {
        return terminal_usage(
            options->command,
            "`cordon tenant change` takes what is to be changed: --host, --no-hosts, --limit or "
            "--weight");
    }
    if (options->no_hosts && options->host_count > 0) {
        return terminal_usage(options->command, "give either --host or --no-hosts");
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
    CLI_CLEANUP(tenant_place_close) struct tenant_place place = {0};
    const int failed = tenant_place_open(&place, options);
    return failed != CLI_OK ? failed : deed == NULL ? list(&place) : change(&place, deed);
}

static const struct cli_flag flags[] = {
    {"host", "NAME", "a host name by which it is reached; may be given 16 times", flags_set_host},
    {"no-hosts", NULL, "with `change`: takes all its host names away", flags_set_no_hosts},
    {"limit", "NAME=VALUE", "lowers a limit for it (see `cordon limits`)", flags_set_tenant_limit},
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
        "`default` is always there and has the names of the server's settings. Names given to\n"
        "`change` replace all that there were. A limit or weight replaces that one alone; the "
        "limit\n"
        "NAME=default takes the tenant's away, so that the server's holds, which does too where "
        "it\n"
        "is lower. `remove` erases everything but the audit log. The server takes changes at "
        "once;\n"
        "without one the data folder is changed. An operator's listener at an address takes the\n"
        "key of `cordon keygen operator`, from $CORDON_OPERATOR_KEY.\n"
        "\n"
        "Exit code: 0 success; 2 wrong usage, or a name, host or limit that cannot be; 5 no\n"
        "server answers, or it failed.",
    .example =
        "  cordon tenant create acme --host acme.example.com --limit tenant_bytes=10000000000\n"
        "  cordon tenant change acme --limit fuel=1000000 --limit tenant_bytes=default\n"
        "  cordon tenant list",
    .flags = flags,
    .run = run,
};
