/* `cordon keygen admin`: a new admin key for a data folder, whether a server uses it or not. */
#include <string.h>

#include "cli/flags.h"
#include "cli/terminal.h"

static int run(const struct cli_options *options)
{
    if (strcmp(options->operands[0], "admin") != 0) {
        return terminal_usage(
            options->command, "there are no keys of the kind '%s'; the kind is 'admin'",
            options->operands[0]);
    }
    const char *const folder = options->data == NULL ? CLI_DEFAULT_DATA : options->data;
    const bool has_store = cordon_data_folder_has_store(folder);
    char *key = NULL;
    cordon_error *const error = cordon_keygen_admin(folder, &key);
    if (error != NULL) {
        return terminal_error(error);
    }
    if (!has_store) {
        (void)terminal_fail(
            0,
            "warning: no server has used the data folder '%s' yet\n"
            "`cordon serve --data` with that folder will accept the key. If another folder was\n"
            "meant, remove this one and name the other with --data.",
            folder);
    }
    (void)fputs("Admin key for ", stdout);
    terminal_write(stdout, terminal_text(folder));
    (void)fputs(", shown this once: ", stdout);
    (void)puts(key);
    cordon_free(key);
    return CLI_OK;
}

static const struct cli_flag flags[] = {
    {"data", "DIR", "the data folder (default " CLI_DEFAULT_DATA ")", flags_set_data},
    FLAGS_END,
};

const struct cli_command cli_keygen = {
    .name = "keygen",
    .operands = "admin",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "makes an admin key",
    .details =
        "Makes an admin key and prints it as the last word. The folder keeps only its hash. A\n"
        "running server accepts the key at once; `cordon deploy` and `cordon call` take it\n"
        "from --admin-key or $CORDON_ADMIN_KEY. A folder that no server has used yet is made,\n"
        "with a warning.",
    .example =
        "  export CORDON_ADMIN_KEY=$(cordon keygen admin --data ./cordon-data | awk '{print $NF}')",
    .flags = flags,
    .run = run,
};
