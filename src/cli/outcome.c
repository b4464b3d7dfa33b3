/* The outcome of a run for people, and for programs; see outcome.h. */
#include "cli/outcome.h"

#include <string.h>

#include "cli/terminal.h"

static void print_limit(const cordon_outcome *outcome)
{
    cordon_limit limit = CORDON_LIMIT_FUEL;
    uint64_t used = 0;
    uint64_t allowed = 0;
    if (!cordon_outcome_get_limit(outcome, &limit, &used, &allowed)) {
        return;
    }
    const cordon_limit_info *const info = cordon_limit_get_info(limit);
    (void)fprintf(
        stderr,
        "  limit %s: %llu %s used, %llu allowed; `cordon run --limit %s=NUMBER` allows more\n",
        info->name, (unsigned long long)used, info->unit, (unsigned long long)allowed, info->name);
}

/* Code and words. The words of some limits begin with the code already, as Convex's do. */
static void print_message(const cordon_outcome *outcome)
{
    const char *const code = cordon_outcome_get_name(outcome);
    const size_t size = strlen(code);
    cordon_text words = cordon_outcome_get_message(outcome);
    if (words.size > size + 2 && memcmp(words.data, code, size) == 0 &&
        memcmp(words.data + size, ": ", 2) == 0) {
        words = (cordon_text){words.data + size + 2, words.size - size - 2};
    }
    (void)fprintf(stderr, "%s: ", code);
    terminal_write_lines(stderr, words, "  ");
    (void)fputc('\n', stderr);
}

static void print_frame(const cordon_outcome *outcome, size_t index)
{
    const cordon_text file = cordon_outcome_get_frame_file(outcome, index);
    (void)fputs("  at ", stderr);
    terminal_write(stderr, cordon_outcome_get_frame_function(outcome, index));
    if (file.size > 0) {
        (void)fputs(" (", stderr);
        terminal_write(stderr, file);
        (void)fprintf(stderr, ":%u)", cordon_outcome_get_frame_line(outcome, index));
    }
    (void)fputc('\n', stderr);
}

static void print_failure(const cordon_outcome *outcome)
{
    print_message(outcome);

    const cordon_text data = cordon_outcome_get_data(outcome);
    if (data.size > 0) {
        (void)fputs("  data ", stderr);
        terminal_write(stderr, data);
        (void)fputc('\n', stderr);
    }
    print_limit(outcome);
    for (size_t i = 0; i < cordon_outcome_get_frame_count(outcome); i++) {
        print_frame(outcome, i);
    }
}

void outcome_print_text(const cordon_outcome *outcome)
{
    for (size_t i = 0; i < cordon_outcome_get_log_line_count(outcome); i++) {
        terminal_write(stderr, cordon_outcome_get_log_line(outcome, i));
        (void)fputc('\n', stderr);
    }
    if (cordon_outcome_get_code(outcome) != CORDON_OUTCOME_SUCCESS) {
        print_failure(outcome);
        return;
    }
    terminal_write(stdout, cordon_outcome_get_value(outcome));
    (void)fputc('\n', stdout);
}

cordon_error *outcome_print(const struct cli_options *options, const cordon_outcome *outcome)
{
    if (options->format == CLI_TEXT) {
        outcome_print_text(outcome);
        return NULL;
    }
    char *json = NULL;
    cordon_error *const error = cordon_outcome_to_json(outcome, &json);
    if (error == NULL) {
        (void)terminal_print_json(json);
    }
    return error;
}
