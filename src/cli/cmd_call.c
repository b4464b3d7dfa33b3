/*
 * `cordon call`: a function of a running server. With an admin key any function may be called, else
 * the public ones, as by any client.
 */
#include <string.h>

#include "cli/flags.h"
#include "cli/http.h"
#include "cli/terminal.h"

/* `dir/module:function` as the path of /api/run: /api/run/dir/module/function. */
static void append_run_path(struct text *path, const char *function)
{
    const char *const colon = strrchr(function, ':');
    const char *const end = colon == NULL ? function + strlen(function) : colon;
    text_printf(path, "/api/run");
    for (const char *at = function; at <= end; at++) {
        const size_t size = strcspn(at, "/");
        const size_t left = (size_t)(end - at);
        text_append(path, "/", 1);
        http_append_segment(path, at, size < left ? size : left);
        at += size < left ? size : left;
    }
    text_append(path, "/", 1);
    http_append_segment(
        path, colon == NULL ? "default" : colon + 1, strlen(colon == NULL ? "default" : colon + 1));
}

static int quote(const char *string, char **out_json)
{
    cordon_error *const error = cordon_json_quote(terminal_text(string), out_json);
    return error == NULL ? CLI_OK : terminal_error(error);
}

static bool is_status(const cordon_json_value *answer, const char *status)
{
    const cordon_text text = cordon_json_get_text(cordon_json_get_member(answer, "status"));
    return text.size == strlen(status) && memcmp(text.data, status, text.size) == 0;
}

static void print_log_lines(const cordon_json_value *answer)
{
    cordon_json_walk walk = cordon_json_walk_begin(cordon_json_get_member(answer, "logLines"));
    for (const cordon_json_value *line; (line = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        terminal_write(stderr, cordon_json_get_text(line));
        (void)fputc('\n', stderr);
    }
}

static void print_value(FILE *file, const char *before, const cordon_json_value *value)
{
    char *text = NULL;
    cordon_error *const error = cordon_json_write(value, &text);
    if (error != NULL) {
        (void)terminal_error(error);
        return;
    }
    (void)fputs(before, file);
    terminal_write(file, terminal_text(text));
    (void)fputc('\n', file);
    cordon_free(text);
}

static int print_answer(const cordon_json_value *answer)
{
    print_log_lines(answer);
    if (is_status(answer, "success")) {
        print_value(stdout, "", cordon_json_get_member(answer, "value"));
        return CLI_OK;
    }
    terminal_complain(
        (cordon_text){NULL, 0},
        cordon_json_get_text(cordon_json_get_member(answer, "errorMessage")));
    const cordon_json_value *const data = cordon_json_get_member(answer, "errorData");
    if (data != NULL) {
        print_value(stderr, "  data ", data);
    }
    return CLI_FUNCTION;
}

/* What the server says came of it. With JSON its answer is passed on as it is. */
static int report(const struct cli_options *options, const struct text *answer)
{
    cordon_json *json = NULL;
    cordon_error *const error =
        cordon_json_parse(answer->size == 0 ? "" : answer->data, answer->size, &json);
    if (error != NULL) {
        (void)terminal_fail(0, "the server's answer is no JSON; is that a Cordon server?");
        cordon_error_free(error);
        return CLI_MACHINE;
    }
    const cordon_json_value *const root = cordon_json_get_root(json);
    int exit_code = is_status(root, "success") ? CLI_OK : CLI_FUNCTION;
    if (exit_code != CLI_OK && !is_status(root, "error")) {
        exit_code = terminal_fail(
            CLI_MACHINE, "the server's answer has no status; is that a Cordon server?");
    } else if (options->format == CLI_JSON) {
        (void)puts(answer->data);
    } else {
        exit_code = print_answer(root);
    }
    cordon_json_free(json);
    return exit_code;
}

static int write_request(
    const struct cli_options *options, const char *args, struct text *path, struct text *body)
{
    const char *const function = options->operands[0];
    if (http_admin_key(options) == NULL) {
        append_run_path(path, function);
        text_printf(body, "{\"args\":%s,\"format\":\"convex_encoded_json\"}", args);
        return CLI_OK;
    }
    char *quoted = NULL;
    const int failed = quote(function, &quoted);
    if (failed == CLI_OK) {
        text_printf(path, "/api/function");
        text_printf(
            body, "{\"path\":%s,\"args\":%s,\"format\":\"convex_encoded_json\"}", quoted, args);
        cordon_free(quoted);
    }
    return failed;
}

static int run(const struct cli_options *options)
{
    const char *const args = options->operand_count > 1 ? options->operands[1] : "{}";
    const int wrong = flags_check_args(args);
    if (wrong != CLI_OK) {
        return wrong;
    }
    TEXT_CLEANUP path = {0};
    TEXT_CLEANUP body = {0};
    TEXT_CLEANUP answer = {0};
    const int unwritten = write_request(options, args, &path, &body);
    if (unwritten != CLI_OK) {
        return unwritten;
    }
    const struct http_request request = {
        .options = options,
        .path = path.data,
        .content_type = "application/json",
        .body = &body,
        .working = "running",
    };
    const int failed = http_post(&request, &answer);
    return failed == CLI_OK ? report(options, &answer) : failed;
}

static const struct cli_flag flags[] = {
    FLAG_URL,
    FLAG_ADMIN_KEY,
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_call = {
    .name = "call",
    .operands = "PATH [ARGS-JSON]",
    .operands_min = 1,
    .operands_max = 2,
    .summary = "calls a function of a running server",
    .details =
        "Calls the function PATH with the arguments ARGS-JSON, one JSON object (default {}), and\n"
        "prints its value; log lines and errors go to stderr. With an admin key internal "
        "functions\n"
        "may be called too. Values are in Convex's JSON: a number is a Float64, an Int64 is\n"
        "{\"$integer\": BASE64}.\n"
        "\n"
        "Exit code: 0 success; 1 the function failed; 2 wrong usage or a key that is not "
        "accepted;\n"
        "5 no server answers, or it failed.",
    .example = "  cordon call messages:send '{\"author\": \"ada\", \"body\": \"hi\"}'",
    .flags = flags,
    .run = run,
};
