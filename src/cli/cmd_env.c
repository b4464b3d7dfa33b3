/*
 * `cordon env`: sets, lists and unsets environment variables of a deployment, by its server or in a
 * folder that no server uses. A value is shown by `list` alone: no message here repeats one.
 */
#include <string.h>

#include "cli/flags.h"
#include "cli/source.h"
#include "cli/terminal.h"

/* As many as one request changes. */
enum { NAMES_MAX = 1024 };

/* Appends a text as JSON. */
static int append_quoted(struct text *out, cordon_text text)
{
    char *quoted = NULL;
    cordon_error *const error = cordon_json_quote(text, &quoted);
    if (error != NULL) {
        return terminal_error(error);
    }
    text_printf(out, "%s", quoted);
    cordon_free(quoted);
    return CLI_OK;
}

/* -- Setting -------------------------------------------------------------------------------- */

static int append_assignment(const struct cli_options *options, int number, struct text *changes)
{
    const char *const word = options->operands[number];
    const char *const equals = strchr(word, '=');
    if (equals == NULL || equals == word) {
        return terminal_usage(
            options->command, "word %d behind `set` is no NAME=VALUE; nothing was set", number);
    }
    text_printf(changes, "%s{\"name\":", number == 1 ? "" : ",");
    int failed = append_quoted(changes, (cordon_text){word, (size_t)(equals - word)});
    text_printf(changes, ",\"value\":");
    failed = failed != CLI_OK ? failed : append_quoted(changes, terminal_text(equals + 1));
    text_printf(changes, "}");
    return failed;
}

static int set(const struct cli_options *options)
{
    TEXT_CLEANUP changes = {0};
    text_printf(&changes, "{\"changes\":[");
    for (int i = 1; i < options->operand_count; i++) {
        const int failed = append_assignment(options, i, &changes);
        if (failed != CLI_OK) {
            return failed;
        }
    }
    text_printf(&changes, "]}");
    CLI_CLEANUP(source_close) struct source source = {0};
    const int failed = source_open(&source, options, SOURCE_WRITE);
    return failed != CLI_OK ? failed : source_change_env(&source, &changes);
}

/* -- Listing -------------------------------------------------------------------------------- */

static int print_json(const cordon_json_value *list)
{
    char *text = NULL;
    cordon_error *const error = cordon_json_write(list, &text);
    return error != NULL ? terminal_error(error) : terminal_print_json(text);
}

static int list(const struct cli_options *options)
{
    CLI_CLEANUP(source_close) struct source source = {0};
    JSON_CLEANUP json = NULL;
    int failed = source_open(&source, options, SOURCE_READ);
    failed = failed != CLI_OK ? failed : source_list_env(&source, &json);
    if (failed != CLI_OK) {
        return failed;
    }
    const cordon_json_value *const all = cordon_json_get_root(json);
    if (options->format == CLI_JSON) {
        return print_json(all);
    }
    cordon_json_walk walk = cordon_json_walk_begin(all);
    if (walk.left == 0) {
        (void)fputs("There are no environment variables.\n", stderr);
    }
    for (const cordon_json_value *var; (var = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        terminal_write(stdout, cordon_json_get_text(cordon_json_get_member(var, "name")));
        (void)fputc('=', stdout);
        terminal_write(stdout, cordon_json_get_text(cordon_json_get_member(var, "value")));
        (void)fputc('\n', stdout);
    }
    return CLI_OK;
}

/* -- Unsetting ------------------------------------------------------------------------------ */

static bool has(const cordon_json_value *all, const char *name)
{
    cordon_json_walk walk = cordon_json_walk_begin(all);
    for (const cordon_json_value *var; (var = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        const cordon_text known = cordon_json_get_text(cordon_json_get_member(var, "name"));
        if (known.size == strlen(name) && memcmp(known.data, name, known.size) == 0) {
            return true;
        }
    }
    return false;
}

static int unset_all(struct source *source, const cordon_json_value *all)
{
    const struct cli_options *const options = source->options;
    TEXT_CLEANUP changes = {0};
    text_printf(&changes, "{\"changes\":[");
    for (int i = 1; i < options->operand_count; i++) {
        const char *const name = options->operands[i];
        if (!has(all, name)) {
            return terminal_fail(
                CLI_USAGE,
                "there is no environment variable '%s', and nothing was unset; see `cordon env "
                "list`",
                name);
        }
        text_printf(&changes, "%s{\"name\":", i == 1 ? "" : ",");
        const int failed = append_quoted(&changes, terminal_text(name));
        if (failed != CLI_OK) {
            return failed;
        }
        text_printf(&changes, "}");
    }
    text_printf(&changes, "]}");
    return source_change_env(source, &changes);
}

static int unset(const struct cli_options *options)
{
    CLI_CLEANUP(source_close) struct source source = {0};
    JSON_CLEANUP json = NULL;
    int failed = source_open(&source, options, SOURCE_READ);
    failed = failed != CLI_OK ? failed : source_list_env(&source, &json);
    return failed != CLI_OK ? failed : unset_all(&source, cordon_json_get_root(json));
}

/* -- The command ---------------------------------------------------------------------------- */

static int run(const struct cli_options *options)
{
    static const struct {
        const char *name;
        const char *takes;
        bool has_words;
        int (*run)(const struct cli_options *options);
    } deeds[] = {
        {"set", "NAME=VALUE...", true, set},
        {"list", "nothing more", false, list},
        {"unset", "NAME...", true, unset},
    };
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        if (strcmp(options->operands[0], deeds[i].name) != 0) {
            continue;
        }
        if (deeds[i].has_words != (options->operand_count > 1)) {
            return terminal_usage(
                options->command, "`cordon env %s` takes %s", deeds[i].name, deeds[i].takes);
        }
        return deeds[i].run(options);
    }
    return terminal_usage(
        options->command, "there is no `cordon env %s`; it is set, list or unset",
        options->operands[0]);
}

static const struct cli_flag flags[] = {
    FLAG_DATA_OR_URL, FLAG_TENANT_OF_DATA, FLAG_URL, FLAG_ADMIN_KEY, FLAG_FORMAT, FLAGS_END,
};

const struct cli_command cli_env = {
    .name = "env",
    .operands = "set NAME=VALUE...|list|unset NAME...",
    .operands_min = 1,
    .operands_max = NAMES_MAX + 1,
    .summary = "sets, lists or unsets environment variables",
    .details =
        "Sets environment variables of the deployment of a running server, which its functions\n"
        "read by `ctx.env(\"NAME\")` in Rust and `cordon_env_get(\"NAME\")` in C; lists all with\n"
        "their values; or unsets some. Several are changed at once, or none. Runs that begin "
        "later\n"
        "see the change; those under way do not. A name has letters, digits and underscores, at\n"
        "most 256 bytes, a value 8 KiB; there are at most 512 variables and 512 KiB of them.\n"
        "Values are in records of runs that read them, and where a function prints or throws "
        "them;\n"
        "the server puts none into its log, but those under 6 bytes in messages of failed runs.\n"
        "\n"
        "Exit code: 0 success; 2 wrong usage, a name or value that cannot be, no such variable, "
        "or\n"
        "a key that is not accepted; 5 no server answers, or it failed.",
    .example = "  cordon env set GREETING=hello\n"
               "  cordon env list --format json",
    .flags = flags,
    .run = run,
};
