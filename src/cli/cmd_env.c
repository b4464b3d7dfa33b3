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

/* Of a file: more than a value may have, so that the refusal tells its size. */
enum { VALUE_READ_MAX = 1 << 20 };

/* -- Setting -------------------------------------------------------------------------------- */

/* The first one is behind nothing. */
static int append_change(struct text *changes, cordon_text name, cordon_text value, size_t number)
{
    text_printf(changes, "%s{\"name\":", number == 0 ? "" : ",");
    int failed = text_append_quoted(changes, name);
    text_printf(changes, ",\"value\":");
    failed = failed != CLI_OK ? failed : text_append_quoted(changes, value);
    text_printf(changes, "}");
    return failed;
}

static int append_assignment(const struct cli_options *options, int number, struct text *changes)
{
    const char *const word = options->operands[number];
    const char *const equals = strchr(word, '=');
    if (equals == NULL || equals == word) {
        return terminal_usage(
            options->command, "word %d behind `set` is no NAME=VALUE; nothing was set", number);
    }
    return append_change(
        changes, (cordon_text){word, (size_t)(equals - word)}, terminal_text(equals + 1),
        (size_t)number - 1);
}

/* All that the file holds, but for one line break at its end, which an editor or echo has put. */
static int append_file(const char *word, size_t number, struct text *changes)
{
    TEXT_CLEANUP value = {0};
    const char *const equals = strchr(word, '=');
    const bool is_stdin = strcmp(equals + 1, "-") == 0;
    const int unread = text_read_file(&value, is_stdin ? "/dev/stdin" : equals + 1, VALUE_READ_MAX);
    if (unread != CLI_OK) {
        return unread;
    }
    size_t size = value.size;
    if (size > 0 && value.data[size - 1] == '\n') {
        size -= size > 1 && value.data[size - 2] == '\r' ? 2 : 1;
    }
    return append_change(
        changes, (cordon_text){word, (size_t)(equals - word)}, (cordon_text){value.data, size},
        number);
}

static int append_all(const struct cli_options *options, struct text *changes)
{
    size_t stdin_count = 0;
    int failed = CLI_OK;
    size_t number = 0;
    for (int i = 1; i < options->operand_count && failed == CLI_OK; i++, number++) {
        failed = append_assignment(options, i, changes);
    }
    for (size_t i = 0; i < options->from_file_count && failed == CLI_OK; i++, number++) {
        stdin_count += strcmp(strchr(options->from_files[i], '='), "=-") == 0;
        failed = stdin_count > 1
                     ? terminal_usage(options->command, "stdin can be the value of one alone")
                     : append_file(options->from_files[i], number, changes);
    }
    return failed;
}

static int set(const struct cli_options *options)
{
    TEXT_CLEANUP changes = {0};
    text_printf(&changes, "{\"changes\":[");
    const int wrong = append_all(options, &changes);
    if (wrong != CLI_OK) {
        return wrong;
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
        const int failed = text_append_quoted(&changes, terminal_text(name));
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
        {"set", "NAME=VALUE... or --from-file NAME=FILE", true, set},
        {"list", "nothing more", false, list},
        {"unset", "NAME...", true, unset},
    };
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        if (strcmp(options->operands[0], deeds[i].name) != 0) {
            continue;
        }
        const bool sets = deeds[i].run == set;
        const bool has_files = options->from_file_count > 0;
        const bool has_words = options->operand_count > 1 || (sets && has_files);
        if (deeds[i].has_words != has_words || (has_files && !sets)) {
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
    {"from-file", "NAME=FILE", "with `set`: the value is in a file (-: stdin); may be repeated",
     flags_set_from_file},
    FLAGS_OF_DATA,
    FLAGS_END,
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
        "What stands on a command line others can read: --from-file takes a value from a file or\n"
        "from stdin, without the line break at its end.\n"
        "Values are in records of runs that read them, and where a function prints or throws "
        "them;\n"
        "the server puts none into its log, but those under 6 bytes in messages of failed runs.\n"
        "\n"
        "Exit code: 0 success; 2 wrong usage, a name or value that cannot be, no such variable, "
        "or\n"
        "a key that is not accepted; 5 no server answers, or it failed.",
    .example = "  cordon env set GREETING=hello\n"
               "  cordon env set --from-file API_KEY=api-key.txt\n"
               "  cordon env list --format json",
    .flags = flags,
    .run = run,
};
