/*
 * `cordon rollback`: makes one of the last deploys of a running server hold again. Which one is
 * decided here, by the list that the server gives, and asked for by its number: so the same request
 * sent twice changes nothing the second time.
 */
#include <inttypes.h>
#include <time.h>

#include "cli/flags.h"
#include "cli/http.h"
#include "cli/report.h"
#include "cli/terminal.h"

static const cordon_json_value *member(const cordon_json_value *object, const char *name)
{
    return cordon_json_get_member(object, name);
}

/* -- The list ------------------------------------------------------------------------------- */

static int read_list(const struct cli_options *options, struct text *answer, cordon_json **out_json)
{
    const struct http_request request = {.options = options, .path = "/api/cordon/deploys"};
    const int unanswered = http_get(&request, answer);
    if (unanswered != CLI_OK) {
        return unanswered;
    }
    cordon_error *const error =
        cordon_json_parse(answer->size == 0 ? "" : answer->data, answer->size, out_json);
    if (error != NULL) {
        cordon_error_free(error);
        return terminal_fail(CLI_MACHINE, "the answer is no list; is that a Cordon server?");
    }
    return CLI_OK;
}

/* "2026-01-31 12:00:00", or nothing for what is no time. */
static void print_time(uint64_t time_ms)
{
    char words[32] = "";
    const time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    if (localtime_r(&seconds, &parts) != NULL) {
        (void)strftime(words, sizeof words, "%Y-%m-%d %H:%M:%S", &parts);
    }
    (void)fputs(words, stdout);
}

static void print_deploy(const cordon_json_value *deploy, uint64_t current)
{
    uint64_t number = 0;
    uint64_t time_ms = 0;
    (void)cordon_json_get_u64(member(deploy, "number"), &number);
    (void)cordon_json_get_u64(member(deploy, "timeMs"), &time_ms);
    (void)printf("%c %" PRIu64 "  ", number == current ? '*' : ' ', number);
    print_time(time_ms);
    cordon_json_walk walk = cordon_json_walk_begin(member(deploy, "modules"));
    for (const cordon_json_value *module; (module = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        const cordon_text name = cordon_json_get_text(member(module, "name"));
        cordon_text hash = cordon_json_get_text(member(module, "sha256"));
        hash.size = hash.size > 12 ? 12 : hash.size;
        (void)fputs("  ", stdout);
        terminal_write(stdout, name.size == 0 ? terminal_text("(no name)") : name);
        (void)fputc(' ', stdout);
        terminal_write(stdout, hash);
    }
    (void)fputc('\n', stdout);
}

static int print_list(const struct cli_options *options, const cordon_json_value *root)
{
    if (options->format == CLI_JSON) {
        char *text = NULL;
        cordon_error *const error = cordon_json_write(root, &text);
        return error != NULL ? terminal_error(error) : terminal_print_json(text);
    }
    uint64_t current = 0;
    (void)cordon_json_get_u64(member(root, "current"), &current);
    cordon_json_walk walk = cordon_json_walk_begin(member(root, "deploys"));
    if (walk.left == 0) {
        (void)fputs("Nothing was deployed yet.\n", stderr);
    }
    for (const cordon_json_value *deploy; (deploy = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        print_deploy(deploy, current);
    }
    return CLI_OK;
}

/* -- Rolling back --------------------------------------------------------------------------- */

/* The highest number under the one that holds. The list is the newest first. */
static int find_before(const cordon_json_value *root, uint64_t *out_number)
{
    uint64_t current = 0;
    (void)cordon_json_get_u64(member(root, "current"), &current);
    cordon_json_walk walk = cordon_json_walk_begin(member(root, "deploys"));
    for (const cordon_json_value *deploy; (deploy = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        uint64_t number = 0;
        if (cordon_json_get_u64(member(deploy, "number"), &number) && number < current) {
            *out_number = number;
            return CLI_OK;
        }
    }
    return terminal_fail(
        CLI_USAGE, "no deploy before the one that holds is kept; see `cordon rollback --list`");
}

static int roll_back(const struct cli_options *options, uint64_t number)
{
    TEXT_CLEANUP body = {0};
    TEXT_CLEANUP answer = {0};
    text_printf(&body, "{\"to\":%" PRIu64 "}", number);
    const struct http_request request = {
        .options = options,
        .path = "/api/cordon/rollback",
        .content_type = "application/json",
        .body = &body,
        .working = "rolling back",
    };
    const int failed = http_post(&request, &answer);
    if (failed != CLI_OK) {
        return failed;
    }
    if (options->format == CLI_TEXT) {
        (void)printf("deploy %" PRIu64 " holds now\n", number);
    }
    return report_print(options, (cordon_text){answer.data, answer.size});
}

static int run(const struct cli_options *options)
{
    if (http_admin_key(options) == NULL) {
        return terminal_usage(
            options->command,
            "a rollback needs an admin key: --admin-key KEY or $CORDON_ADMIN_KEY\n"
            "`cordon keygen admin --data DIR` makes one, also while the server runs.");
    }
    if (options->list && options->to != 0) {
        return terminal_usage(options->command, "--list changes nothing: it goes without --to");
    }
    if (options->to != 0) {
        return roll_back(options, options->to);
    }
    TEXT_CLEANUP answer = {0};
    JSON_CLEANUP json = NULL;
    uint64_t number = 0;
    const int unread = read_list(options, &answer, &json);
    if (unread != CLI_OK || options->list) {
        return unread != CLI_OK ? unread : print_list(options, cordon_json_get_root(json));
    }
    const int failed = find_before(cordon_json_get_root(json), &number);
    return failed != CLI_OK ? failed : roll_back(options, number);
}

static const struct cli_flag flags[] = {
    {"to", "N", "the number of the deploy (default: the one before what holds)", flags_set_to},
    {"list", NULL, "shows the deploys that are kept and changes nothing", flags_set_list},
    FLAG_URL,
    FLAG_ADMIN_KEY,
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_rollback = {
    .name = "rollback",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "makes one of the last deploys hold again",
    .details =
        "A server keeps its last 5 deploys. This puts the functions of an earlier one in the\n"
        "place of those that hold, all or nothing and with all checks of a deploy: documents\n"
        "that do not fit its schema refuse it. Calls under way end with the functions they began\n"
        "with. A deploy keeps its number, so that --to also goes forward again. --list marks the\n"
        "one that holds with a star.\n"
        "\n"
        "Exit code: 0; 2 wrong usage, a deploy that is not kept or a key that is not accepted;\n"
        "4 refused; 5 no server answers, or it failed.",
    .example = "  cordon rollback --list\n"
               "  cordon rollback\n"
               "  cordon rollback --to 3",
    .flags = flags,
    .run = run,
};
