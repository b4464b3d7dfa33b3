/* `cordon key`: the keys of a data folder, listed and revoked, whether a server uses it or not. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/flags.h"
#include "cli/terminal.h"
#include "cli/text.h"

/* It has a store or keys; else a slip in its name would be told that there are none. */
static int check_folder(const char *folder)
{
    TEXT_CLEANUP keys = {0};
    text_printf(&keys, "%s/keys.d", folder);
    return cordon_data_folder_has_store(folder) || access(keys.data, F_OK) == 0
               ? CLI_OK
               : terminal_fail(
                     CLI_USAGE, "there is no data folder '%s'; check its name (--data)", folder);
}

/* -- Listing -------------------------------------------------------------------------------- */

static void print_key(const cordon_json_value *key)
{
    uint64_t made_ms = 0;
    (void)cordon_json_get_u64(cordon_json_get_member(key, "madeMs"), &made_ms);
    terminal_write(stdout, cordon_json_get_text(cordon_json_get_member(key, "id")));
    (void)fputc(' ', stdout);
    terminal_write(stdout, cordon_json_get_text(cordon_json_get_member(key, "of")));
    const cordon_text tenant = cordon_json_get_text(cordon_json_get_member(key, "tenant"));
    if (tenant.size > 0) {
        (void)fputs(" of tenant ", stdout);
        terminal_write(stdout, tenant);
    }
    terminal_print_time(stdout, ", made ", made_ms);
    if (!cordon_json_is_true(cordon_json_get_member(key, "accepted"))) {
        (void)fputs(", not accepted: its file is open to others", stdout);
    }
    (void)fputc('\n', stdout);
}

static int print_all(const struct cli_options *options, char *text)
{
    if (options->format == CLI_JSON) {
        return terminal_print_json(text);
    }
    JSON_CLEANUP json = NULL;
    cordon_error *const error = cordon_json_parse(text, strlen(text), &json);
    cordon_free(text);
    if (error != NULL) {
        return terminal_error(error);
    }
    cordon_json_walk walk = cordon_json_walk_begin(cordon_json_get_root(json));
    if (walk.left == 0) {
        (void)fputs("There are no keys. `cordon keygen admin` makes one.\n", stderr);
    }
    for (const cordon_json_value *key; (key = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        print_key(key);
    }
    return CLI_OK;
}

static int list(const struct cli_options *options)
{
    char *text = NULL;
    if (options->operand_count > 1 || options->tenant != NULL) {
        return terminal_usage(options->command, "`cordon key list` takes nothing more");
    }
    const int missing = check_folder(flags_folder(options));
    if (missing != CLI_OK) {
        return missing;
    }
    cordon_error *const error = cordon_keys(flags_folder(options), &text);
    return error != NULL ? terminal_error(error) : print_all(options, text);
}

/* -- Revoking ------------------------------------------------------------------------------- */

static int revoke_keys(const struct cli_options *options)
{
    const char *const id = options->operand_count > 1 ? options->operands[1] : NULL;
    size_t count = 0;
    if ((id == NULL) == (options->tenant == NULL)) {
        return terminal_usage(
            options->command,
            "`cordon key revoke` takes the ID of a key, as `cordon key list` shows it, or "
            "--tenant NAME for all of a tenant");
    }
    const int missing = check_folder(flags_folder(options));
    if (missing != CLI_OK) {
        return missing;
    }
    cordon_error *const error =
        cordon_keys_revoke(flags_folder(options), id, options->tenant, &count);
    if (error != NULL) {
        return terminal_error(error);
    }
    if (count == 0) {
        return terminal_fail(
            CLI_USAGE,
            "there is no such key in the data folder '%s'; check its ID with `cordon key list`",
            flags_folder(options));
    }
    (void)printf("%zu revoked\n", count);
    return CLI_OK;
}

/* -- The command ---------------------------------------------------------------------------- */

static int run(const struct cli_options *options)
{
    if (strcmp(options->operands[0], "list") == 0) {
        return list(options);
    }
    if (strcmp(options->operands[0], "revoke") == 0) {
        return revoke_keys(options);
    }
    return terminal_usage(
        options->command, "there is no `cordon key %s`; it is list or revoke",
        options->operands[0]);
}

static const struct cli_flag flags[] = {
    {"data", "DIR", "the data folder (default " CLI_DEFAULT_DATA ")", flags_set_data},
    {"tenant", "NAME", "revokes all admin keys of that tenant", flags_set_tenant},
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_key = {
    .name = "key",
    .operands = "list|revoke [ID]",
    .operands_min = 1,
    .operands_max = 2,
    .summary = "lists or revokes keys",
    .details =
        "Lists the keys of a data folder: what each is called, whose it is, when it was made, and\n"
        "never the key itself; or revokes one, or all of a tenant. A server that uses the folder\n"
        "refuses a revoked key from then on, and notes in its audit log what came and went.\n"
        "\n"
        "Exit code: 0 success; 2 wrong usage, or no such key; 5 the folder can't be read.",
    .example = "  cordon key list --data ./cordon-data\n"
               "  cordon key revoke 0123456789abcdef --data ./cordon-data",
    .flags = flags,
    .run = run,
};
