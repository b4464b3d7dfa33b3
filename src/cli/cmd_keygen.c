/* `cordon keygen`: a new key for a data folder, whether a server uses it or not. */
#include <string.h>

#include "cli/flags.h"
#include "cli/tenant_place.h"
#include "cli/terminal.h"

/* NULL for the operator's. */
static cordon_error *make(const char *folder, const char *tenant, char **out_key)
{
    return tenant == NULL ? cordon_keygen_operator(folder, out_key)
                          : cordon_keygen_tenant(folder, tenant, out_key);
}

/* A key of a tenant that there is not opens nothing, as one that is made begins without keys. */
static int check_tenant(const struct cli_options *options, const char *tenant, bool has_store)
{
    bool known = false;
    bool has = false;
    if (tenant == NULL || strcmp(tenant, "default") == 0) {
        return CLI_OK;
    }
    const int failed = tenant_place_has(options, tenant, &known, &has);
    if (failed == CLI_OK && known && !has) {
        return terminal_fail(
            CLI_USAGE,
            "there is no tenant '%s' in the data folder '%s'; see `cordon tenant list`, or make it "
            "first by `cordon tenant create %s`",
            tenant, flags_folder(options), tenant);
    }
    if (failed == CLI_OK && !known && has_store) {
        (void)terminal_fail(
            0,
            "warning: whether there is a tenant '%s' can't be told, as the data folder '%s' is in "
            "use and nobody listens for the operator there; see `cordon tenant list --url`",
            tenant, flags_folder(options));
    }
    return failed;
}

static void warn_of_new_folder(const char *folder, const char *tenant)
{
    (void)terminal_fail(
        0,
        "warning: no server has used the data folder '%s' yet\n"
        "`cordon serve --data` with that folder will accept the key. If another folder was\n"
        "meant, remove this one and name the other with --data.",
        folder);
    if (tenant != NULL && strcmp(tenant, "default") != 0) {
        (void)terminal_fail(
            0,
            "warning: there is no tenant '%s' yet, and the key opens nothing: a tenant made by "
            "`cordon tenant create %s` begins with no keys; make its key after that",
            tenant, tenant);
    }
}

static int run(const struct cli_options *options)
{
    const bool is_admin = strcmp(options->operands[0], "admin") == 0;
    if (!is_admin && strcmp(options->operands[0], "operator") != 0) {
        return terminal_usage(
            options->command,
            "there are no keys of the kind '%s'; the kinds are 'admin' and 'operator'",
            options->operands[0]);
    }
    if (!is_admin && options->tenant != NULL) {
        return terminal_usage(options->command, "the operator's key is of no tenant");
    }
    const char *const tenant = !is_admin                 ? NULL
                               : options->tenant != NULL ? options->tenant
                                                         : "default";
    const char *const folder = flags_folder(options);
    const bool has_store = cordon_data_folder_has_store(folder);
    const int refused = check_tenant(options, tenant, has_store);
    if (refused != CLI_OK) {
        return refused;
    }
    char *key = NULL;
    cordon_error *const error = make(folder, tenant, &key);
    if (error != NULL) {
        return terminal_error(error);
    }
    if (!has_store) {
        warn_of_new_folder(folder, tenant);
    }
    (void)fputs(is_admin ? "Admin key for " : "Operator's key for ", stdout);
    terminal_write(stdout, terminal_text(folder));
    (void)fputs(", shown this once: ", stdout);
    (void)puts(key);
    cordon_free(key);
    return CLI_OK;
}

static const struct cli_flag flags[] = {
    {"data", "DIR", "the data folder (default " CLI_DEFAULT_DATA ")", flags_set_data},
    {"tenant", "NAME", "whose admin has it (default: default)", flags_set_tenant},
    FLAGS_END,
};

const struct cli_command cli_keygen = {
    .name = "keygen",
    .operands = "admin|operator",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "makes a key for an admin, or for the operator",
    .details =
        "Makes a key and prints it as the last word. The folder keeps only its hash. A running\n"
        "server accepts it at once. An admin's is for one tenant; `cordon deploy` and `cordon\n"
        "call` take it from --admin-key or $CORDON_ADMIN_KEY. The operator's is for the listener\n"
        "that `operator_listen` names, where that is an address; `cordon tenant --url` and "
        "`cordon\n"
        "audit --url` take it from $CORDON_OPERATOR_KEY. `cordon key` lists and revokes keys. A\n"
        "folder that no server has used yet is made, with a warning. A tenant has to be made "
        "before\n"
        "its keys.",
    .example =
        "  export CORDON_ADMIN_KEY=$(cordon keygen admin --data ./cordon-data | awk '{print $NF}')",
    .flags = flags,
    .run = run,
};
