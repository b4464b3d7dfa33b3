/*
 * `cordon logs`: the log lines and errors of the functions of a running server, those that it still
 * keeps, and on request those to come. A server answers a question with a cursor once there is
 * something after it, so that following is asking again and again (docs/protocol.md).
 *
 * Who follows is not sent away by a server that is started again: it is asked once a second, from
 * the same cursor. Entries are numbered, and where numbers are missing, that is told.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/flags.h"
#include "cli/http.h"
#include "cli/terminal.h"

enum {
    ANSWER_TIMEOUT_MS = 90000, /* a server answers after 60 s at the latest */
    RETRY_S = 1,
    TIME_BYTES = 32,
};

struct reader {
    const struct cli_options *options;
    struct text cursor;   /* the last answer's; empty: there was none */
    uint64_t last_number; /* of the entry that was read last; 0: none was */
};

static void reader_done(struct reader *reader)
{
    text_done(&reader->cursor);
}

static const cordon_json_value *member(const cordon_json_value *object, const char *name)
{
    return cordon_json_get_member(object, name);
}

/* -- One run -------------------------------------------------------------------------------- */

/* When and what: what stands before each of its lines. */
static void print_head(const cordon_json_value *run)
{
    char when[TIME_BYTES] = "";
    const time_t seconds = (time_t)cordon_json_get_number(member(run, "timestamp"));
    struct tm parts;
    if (localtime_r(&seconds, &parts) != NULL) {
        (void)strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S ", &parts);
    }
    terminal_paint(stdout, TERMINAL_DIM);
    (void)fputs(when, stdout);
    terminal_write(stdout, cordon_json_get_text(member(run, "udfType")));
    (void)fputc(' ', stdout);
    terminal_write(stdout, cordon_json_get_text(member(run, "identifier")));
    terminal_paint(stdout, TERMINAL_PLAIN);
    (void)fputc(' ', stdout);
}

static void print_text_run(const cordon_json_value *run)
{
    cordon_json_walk walk = cordon_json_walk_begin(member(run, "logLines"));
    for (const cordon_json_value *line; (line = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        print_head(run);
        terminal_write_lines(stdout, cordon_json_get_text(line), "    ");
        (void)fputc('\n', stdout);
    }
    const cordon_json_value *const error = member(run, "error");
    if (cordon_json_get_type(error) == CORDON_JSON_STRING) {
        print_head(run);
        terminal_paint(stdout, TERMINAL_RED);
        terminal_write_lines(stdout, cordon_json_get_text(error), "    ");
        terminal_paint(stdout, TERMINAL_PLAIN);
        (void)fputc('\n', stdout);
    }
}

static void print_run(const struct reader *reader, const cordon_json_value *run)
{
    if (reader->options->format == CLI_TEXT) {
        print_text_run(run);
        return;
    }
    char *text = NULL;
    cordon_error *const error = cordon_json_write(run, &text);
    if (error != NULL) {
        (void)terminal_error(error);
    } else {
        (void)terminal_print_json(text);
    }
}

/* Tells of entries between the last one and this. A server that was started again counts anew. */
static void note_number(struct reader *reader, const cordon_json_value *run)
{
    uint64_t number = 0;
    if (!cordon_json_get_u64(member(run, "number"), &number)) {
        return;
    }
    const uint64_t before = reader->last_number;
    if (before != 0 && number > before + 1) {
        (void)fflush(stdout);
        (void)terminal_fail(
            0,
            "%" PRIu64 " entries of the logs are lost: more came than the server keeps\n"
            "Read its own log for what it says of each run.",
            number - before - 1);
    }
    reader->last_number = number;
}

/* -- Answers -------------------------------------------------------------------------------- */

/* Of the first answer what --history asks for: who follows sees what is new, others all. */
static size_t skipped_runs(const struct reader *reader, size_t count)
{
    const struct cli_options *const options = reader->options;
    if (reader->cursor.size > 0) {
        return 0;
    }
    if (!options->has_history) {
        return options->follow ? count : 0;
    }
    return options->history < count ? count - (size_t)options->history : 0;
}

static int take_answer(struct reader *reader, const cordon_json_value *root)
{
    char *cursor = NULL;
    const cordon_json_value *const new_cursor = member(root, "newCursor");
    if (cordon_json_get_type(new_cursor) != CORDON_JSON_NUMBER) {
        return terminal_fail(
            CLI_MACHINE, "the server's answer has no cursor; is that a Cordon server?");
    }
    cordon_error *const error = cordon_json_write(new_cursor, &cursor);
    if (error != NULL) {
        return terminal_error(error);
    }
    cordon_json_walk walk = cordon_json_walk_begin(member(root, "entries"));
    size_t skipped = skipped_runs(reader, walk.left);
    for (const cordon_json_value *run; (run = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        note_number(reader, run);
        if (skipped > 0) {
            skipped--;
        } else {
            print_run(reader, run);
        }
    }
    text_done(&reader->cursor);
    text_printf(&reader->cursor, "%s", cursor);
    cordon_free(cursor);
    (void)fflush(stdout);
    return CLI_OK;
}

static int ask(struct reader *reader, bool quiet)
{
    TEXT_CLEANUP path = {0};
    TEXT_CLEANUP answer = {0};
    const char *const cursor = reader->cursor.size == 0 ? "0" : reader->cursor.data;
    text_printf(&path, "/api/stream_function_logs?cursor=%s", cursor);
    const struct http_request request = {
        .options = reader->options,
        .path = path.data,
        .timeout_ms = ANSWER_TIMEOUT_MS,
        .quiet = quiet,
    };
    const int unanswered = http_get(&request, &answer);
    if (unanswered != CLI_OK) {
        return unanswered;
    }
    cordon_json *json = NULL;
    cordon_error *const error =
        cordon_json_parse(answer.size == 0 ? "" : answer.data, answer.size, &json);
    if (error != NULL) {
        cordon_error_free(error);
        return terminal_fail(
            CLI_MACHINE, "the server's answer is no JSON; is that a Cordon server?");
    }
    const int failed = take_answer(reader, cordon_json_get_root(json));
    cordon_json_free(json);
    return failed;
}

static int follow(struct reader *reader)
{
    bool is_away = false;
    for (;;) {
        const int failed = ask(reader, is_away);
        if (failed != CLI_OK && failed != CLI_MACHINE) {
            return failed;
        }
        if (failed == CLI_MACHINE && !is_away) {
            (void)fputs("It is asked again until it answers.\n", stderr);
        }
        is_away = failed == CLI_MACHINE;
        if (is_away) {
            (void)sleep(RETRY_S);
        }
    }
}

static int run(const struct cli_options *options)
{
    if (http_admin_key(options) == NULL) {
        return terminal_usage(
            options->command,
            "logs need an admin key: --admin-key KEY or $CORDON_ADMIN_KEY\n"
            "`cordon keygen admin --data DIR` makes one, also while the server runs.");
    }
    CLI_CLEANUP(reader_done) struct reader reader = {.options = options};
    const int failed = ask(&reader, false);
    return failed == CLI_OK && options->follow ? follow(&reader) : failed;
}

static const struct cli_flag flags[] = {
    {"follow", NULL, "shows what is new, as it comes, until Ctrl-C", flags_set_follow},
    {"history", "N", "of what was before, the last N entries (default: all; to follow: 0)",
     flags_set_history},
    FLAG_URL,
    FLAG_ADMIN_KEY,
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_logs = {
    .name = "logs",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "shows the log lines of functions on a running server",
    .details =
        "Prints the log lines and errors of the last runs, each with its time and function. A\n"
        "server keeps the last 1,000 entries, 4 MiB of them at most: one for each run that has\n"
        "ended, and, of an action that goes on, those for its lines so far. With --format json\n"
        "there is one object a line for each entry, also for runs that logged nothing.\n"
        "\n"
        "Exit code: 0; 2 wrong usage or a key that is not accepted; 5 no server answers, or it\n"
        "failed.",
    .example = "  cordon logs --follow",
    .flags = flags,
    .run = run,
};
