/* Reading the command line of one command: its flags by its table, its operands by their count. */
#ifndef CLI_FLAGS_H
#define CLI_FLAGS_H

#include "cli/cli.h"

/*
 * Reads `argv` (the command's name first). 0, or CLI_USAGE after having said what is wrong and what
 * was probably meant. With `--help` nothing else is checked.
 */
int flags_read(
    const struct cli_command *command, int argc, char **argv, struct cli_options *out_options);

/* 0 if the text may be ARGS-JSON, one JSON object; else CLI_USAGE after having said why not. */
int flags_check_args(const char *args);

/* The data folder that is meant: the default one where none is named. */
const char *flags_folder(const struct cli_options *options);

/* Prints the help of a command. */
void flags_print_help(const struct cli_command *command);

/* Setters for the tables of the commands. */
bool flags_set_data(struct cli_options *options, const char *value);
bool flags_set_format(struct cli_options *options, const char *value);
bool flags_set_limit(struct cli_options *options, const char *value);
bool flags_set_seed(struct cli_options *options, const char *value);
bool flags_set_time(struct cli_options *options, const char *value);
bool flags_set_tenant(struct cli_options *options, const char *value);
bool flags_set_identity(struct cli_options *options, const char *value);
bool flags_set_record(struct cli_options *options, const char *value);
bool flags_set_profile(struct cli_options *options, const char *value);
bool flags_set_url(struct cli_options *options, const char *value);
bool flags_set_admin_key(struct cli_options *options, const char *value);
bool flags_set_listen(struct cli_options *options, const char *value);
bool flags_set_config(struct cli_options *options, const char *value);
bool flags_set_table(struct cli_options *options, const char *value);
bool flags_set_count(struct cli_options *options, const char *value);
bool flags_set_order(struct cli_options *options, const char *value);
bool flags_set_overwrite(struct cli_options *options, const char *value);
bool flags_set_append(struct cli_options *options, const char *value);
bool flags_set_replace(struct cli_options *options, const char *value);
bool flags_set_replace_all(struct cli_options *options, const char *value);
bool flags_set_strings(struct cli_options *options, const char *value);
bool flags_set_production(struct cli_options *options, const char *value);
bool flags_set_follow(struct cli_options *options, const char *value);
bool flags_set_history(struct cli_options *options, const char *value);
bool flags_set_memory(struct cli_options *options, const char *value);
bool flags_set_transactions(struct cli_options *options, const char *value);
bool flags_set_threads(struct cli_options *options, const char *value);
bool flags_set_seconds(struct cli_options *options, const char *value);
bool flags_set_number(struct cli_options *options, const char *value);
bool flags_set_check(struct cli_options *options, const char *value);
bool flags_set_save(struct cli_options *options, const char *value);
bool flags_set_insecure_dev(struct cli_options *options, const char *value);
bool flags_set_once(struct cli_options *options, const char *value);
bool flags_set_file(struct cli_options *options, const char *value);
bool flags_set_checkpoints(struct cli_options *options, const char *value);
bool flags_set_key(struct cli_options *options, const char *value);
bool flags_set_kind(struct cli_options *options, const char *value);
bool flags_set_user(struct cli_options *options, const char *value);
bool flags_set_request(struct cli_options *options, const char *value);
bool flags_set_since(struct cli_options *options, const char *value);
bool flags_set_until(struct cli_options *options, const char *value);
bool flags_set_before(struct cli_options *options, const char *value);
bool flags_set_to(struct cli_options *options, const char *value);
bool flags_set_list(struct cli_options *options, const char *value);
bool flags_set_weight(struct cli_options *options, const char *value);
bool flags_set_tenant_limit(struct cli_options *options, const char *value);
bool flags_set_from_file(struct cli_options *options, const char *value);
bool flags_set_no_hosts(struct cli_options *options, const char *value);
bool flags_set_host(struct cli_options *options, const char *value);
bool flags_set_path(struct cli_options *options, const char *value);

/* The rows that several commands have. */
#define FLAG_FORMAT                                                                                \
    {"format", "text|json", "for people (the default), or strict JSON on stdout", flags_set_format}
#define FLAG_URL {"url", "URL", "the server (default " CLI_DEFAULT_URL ")", flags_set_url}
#define FLAG_ADMIN_KEY                                                                             \
    {"admin-key", "KEY", "an admin key (default: $CORDON_ADMIN_KEY)", flags_set_admin_key}
#define FLAG_DATA_OR_URL                                                                           \
    {"data", "DIR", "a data folder that no server uses, in place of a server", flags_set_data}
#define FLAG_TENANT_OF_DATA                                                                        \
    {"tenant", "NAME", "whose, of a data folder (default: default)", flags_set_tenant}
/* Of whose data and how it is reached, for commands that work with a server and without. */
#define FLAGS_OF_DATA FLAG_DATA_OR_URL, FLAG_TENANT_OF_DATA, FLAG_URL, FLAG_ADMIN_KEY, FLAG_FORMAT
#define FLAGS_END {NULL, NULL, NULL, NULL}

#define CLI_DEFAULT_URL "http://127.0.0.1:3210"
#define CLI_DEFAULT_DATA "./cordon-data"

#endif
