/*
 * `cordon audit`: the audit log of a server or a data folder, checked, shown, or written out. All
 * three read it from its first record on; what they make of it is one visitor each.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/audit_source.h"
#include "cli/flags.h"
#include "cli/terminal.h"
#include "cli/text.h"

enum { CHECKPOINTS_BYTES_MAX = 256 << 20, TIME_BYTES = 32 };

/* -- verify ---------------------------------------------------------------------------------- */

static void free_check(cordon_audit_check **check)
{
    cordon_audit_check_free(*check);
}

static int check_lines(void *arg, const char *lines, size_t size)
{
    cordon_error *const error = cordon_audit_check_add(arg, lines, size);
    return error == NULL ? CLI_OK : terminal_error(error);
}

static int expect_checkpoints(const struct cli_options *options, cordon_audit_check *check)
{
    if (options->key != NULL) {
        cordon_error *const error = cordon_audit_check_trust(check, options->key);
        if (error != NULL) {
            return terminal_error(error);
        }
    }
    if (options->checkpoints == NULL) {
        return CLI_OK;
    }
    TEXT_CLEANUP text = {0};
    const int unread = text_read_file(&text, options->checkpoints, CHECKPOINTS_BYTES_MAX);
    if (unread != CLI_OK) {
        return unread;
    }
    if (text.size == 0 || text.size > CHECKPOINTS_BYTES_MAX) { /* it would show nothing, or half */
        return terminal_fail(
            CLI_USAGE,
            text.size == 0 ? "there is no checkpoint in '%s'; give what audit_checkpoint_file names"
                           : "'%s' is larger than 256 MiB; give its last lines alone, as `tail -n "
                             "300000` does",
            options->checkpoints);
    }
    cordon_error *const error = cordon_audit_check_expect(check, text.data, text.size);
    return error == NULL ? CLI_OK : terminal_error(error);
}

static uint64_t number_of(const cordon_json_value *report, const char *name)
{
    uint64_t number = 0;
    (void)cordon_json_get_u64(cordon_json_get_member(report, name), &number);
    return number;
}

static void print_time(FILE *file, const char *before, uint64_t ms)
{
    char when[TIME_BYTES] = "";
    const time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    if (ms > 0 && gmtime_r(&seconds, &parts) != NULL) {
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
        (void)fprintf(file, "%s%s", before, when);
    }
}

static void print_fault(const cordon_json_value *report)
{
    const cordon_json_value *const fault = cordon_json_get_member(report, "fault");
    (void)fprintf(
        stderr, "cordon: the audit log is not what it was: record %" PRIu64 ": ",
        number_of(fault, "sequence"));
    terminal_write(stderr, cordon_json_get_text(cordon_json_get_member(fault, "message")));
    (void)fprintf(
        stderr,
        "\nThe %" PRIu64
        " records before are good. Keep a copy of the data folder as it is, and compare\n"
        "with a backup from before.\n",
        number_of(report, "records"));
}

/* What was checked, and what that does not say. */
static void print_good(const struct cli_options *options, const cordon_json_value *report)
{
    const uint64_t last = number_of(report, "last");
    const uint64_t signed_to = number_of(report, "signed_to");
    (void)printf("The audit log is whole: %" PRIu64 " records", number_of(report, "records"));
    print_time(stdout, ", the last of ", number_of(report, "last_time_ms"));
    (void)puts(".");
    if (number_of(report, "checkpoints") == 0) {
        (void)puts("No checkpoint was signed yet: whoever can write the data folder could have "
                   "made all of it.");
        return;
    }
    (void)printf(
        "%" PRIu64 " checkpoints; the last one signs all up to record %" PRIu64,
        number_of(report, "checkpoints"), signed_to);
    print_time(stdout, ", at ", number_of(report, "signed_time_ms"));
    (void)printf(". %" PRIu64 " records came after.\n", last - signed_to);
    if (number_of(report, "keys_anew") > 0) {
        (void)printf(
            "Keys began anew %" PRIu64 " times, last with record %" PRIu64,
            number_of(report, "keys_anew"), number_of(report, "keys_anew_at"));
        print_time(stdout, ", at ", number_of(report, "keys_anew_time_ms"));
        (void)puts(
            ":\nwas a backup restored then? Else somebody has made the log anew from there on.");
    }
    (void)fputs("First key: ", stdout);
    terminal_write(stdout, cordon_json_get_text(cordon_json_get_member(report, "key")));
    (void)puts("");
    if (options->checkpoints != NULL) {
        (void)printf(
            "All %" PRIu64 " checkpoints that were kept are in it: nothing up to record %" PRIu64
            " was cut off.\n",
            number_of(report, "kept"), number_of(report, "kept_to"));
    } else {
        (void)puts(
            "Whether its end was cut off, only checkpoints that are kept elsewhere can tell\n"
            "(--checkpoint FILE).");
    }
}

static int print_report(const struct cli_options *options, char *report, bool is_good)
{
    const int exit_code = is_good ? CLI_OK : CLI_FUNCTION;
    if (options->format == CLI_JSON) {
        (void)terminal_print_json(report);
        return exit_code;
    }
    cordon_json *json = NULL;
    cordon_error *const error = cordon_json_parse(report, strlen(report), &json);
    cordon_free(report);
    if (error != NULL) {
        return terminal_error(error);
    }
    if (is_good) {
        print_good(options, cordon_json_get_root(json));
    } else {
        print_fault(cordon_json_get_root(json));
    }
    cordon_json_free(json);
    return exit_code;
}

static int verify(const struct cli_options *options)
{
    CLI_CLEANUP(free_check) cordon_audit_check *check = NULL;
    cordon_error *error = cordon_audit_check_new(&check);
    if (error != NULL) {
        return terminal_error(error);
    }
    int failed = expect_checkpoints(options, check);
    if (failed == CLI_OK) {
        failed = audit_source_read(options, check_lines, check);
    }
    if (failed != CLI_OK) {
        return failed;
    }
    bool is_good = false;
    char *report = NULL;
    error = cordon_audit_check_end(check, &is_good, &report);
    return error == NULL ? print_report(options, report, is_good) : terminal_error(error);
}

/* -- show ------------------------------------------------------------------------------------ */

static bool is_text(const cordon_json_value *body, const char *name, const char *wanted)
{
    const cordon_text text = cordon_json_get_text(cordon_json_get_member(body, name));
    return wanted == NULL ||
           (text.size == strlen(wanted) && memcmp(text.data, wanted, text.size) == 0);
}

/* A member as `name=value`, if it is a text or a number. */
static void print_member(const cordon_json_value *value, cordon_text name)
{
    char *json = NULL;
    if (cordon_json_get_type(value) == CORDON_JSON_STRING) {
        (void)fputc(' ', stdout);
        terminal_write(stdout, name);
        (void)fputc('=', stdout);
        terminal_write(stdout, cordon_json_get_text(value));
        return;
    }
    cordon_error *const error = cordon_json_write(value, &json);
    if (error != NULL) {
        cordon_error_free(error);
        return;
    }
    (void)fputc(' ', stdout);
    terminal_write(stdout, name);
    (void)fputc('=', stdout);
    terminal_write(stdout, terminal_text(json));
    cordon_free(json);
}

static void print_record(const cordon_json_value *record, const cordon_json_value *body)
{
    const cordon_text ts = cordon_json_get_text(cordon_json_get_member(record, "ts"));
    uint64_t ns = 0;
    for (size_t i = 0; i < ts.size; i++) {
        ns = ns * 10 + (uint64_t)(ts.data[i] - '0');
    }
    (void)printf("%" PRIu64, number_of(record, "sequence"));
    print_time(stdout, " ", ns / 1000000);
    (void)fputc(' ', stdout);
    terminal_write(stdout, cordon_json_get_text(cordon_json_get_member(body, "kind")));
    cordon_json_walk walk = cordon_json_walk_begin(body);
    cordon_text name = {0};
    for (const cordon_json_value *value; (value = cordon_json_walk_next(&walk, &name)) != NULL;) {
        if (name.size != strlen("kind") || memcmp(name.data, "kind", name.size) != 0) {
            print_member(value, name);
        }
    }
    (void)fputc('\n', stdout);
}

static int show_line(const struct cli_options *options, const char *line, size_t size)
{
    cordon_json *json = NULL;
    cordon_error *const error = cordon_json_parse(line, size, &json);
    if (error != NULL) {
        cordon_error_free(error);
        return terminal_fail(
            CLI_FUNCTION,
            "a line is no audit record; run `cordon audit verify`, which tells where");
    }
    const cordon_json_value *const record = cordon_json_get_root(json);
    const cordon_json_value *const body = cordon_json_get_member(record, "body");
    if (is_text(body, "kind", options->kind) && is_text(body, "path", options->path)) {
        if (options->format == CLI_JSON) {
            (void)fwrite(line, 1, size, stdout);
            (void)fputc('\n', stdout);
        } else {
            print_record(record, body);
        }
    }
    cordon_json_free(json);
    return CLI_OK;
}

static int show_lines(void *arg, const char *lines, size_t size)
{
    const char *const end = lines + size;
    for (const char *at = lines; at < end;) {
        const char *const newline = memchr(at, '\n', (size_t)(end - at));
        const size_t length = (size_t)((newline == NULL ? end : newline) - at);
        const int failed = show_line(arg, at, length);
        if (failed != CLI_OK) {
            return failed;
        }
        at += length + 1;
    }
    return CLI_OK;
}

static int show(const struct cli_options *options)
{
    struct cli_options copy = *options;
    return audit_source_read(options, show_lines, &copy);
}

/* -- export ---------------------------------------------------------------------------------- */

static int write_lines(void *arg, const char *lines, size_t size)
{
    return fwrite(lines, 1, size, arg) == size
               ? CLI_OK
               : terminal_fail(CLI_MACHINE, "cannot write to stdout: is the disk full?");
}

static int export(const struct cli_options *options)
{
    return audit_source_read(options, write_lines, stdout);
}

/* -- The command ----------------------------------------------------------------------------- */

static int run(const struct cli_options *options)
{
    static const struct {
        const char *name;
        int (*run)(const struct cli_options *options);
    } deeds[] = {{"verify", verify}, {"show", show}, {"export", export}};
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        if (strcmp(options->operands[0], deeds[i].name) == 0) {
            return deeds[i].run(options);
        }
    }
    return terminal_usage(
        &cli_audit,
        "'%s' is nothing that can be done with the audit log; verify, show and export are",
        options->operands[0]);
}

static const struct cli_flag flags[] = {
    {"data", "DIR", "the data folder (default " CLI_DEFAULT_DATA "), its server running or not",
     flags_set_data},
    {"url", "URL", "the operator's listener of a server, in place of a folder", flags_set_url},
    {"file", "FILE", "what `export` wrote, in place of a folder; - for stdin", flags_set_file},
    {"checkpoint", "FILE", "verify: checkpoints that were kept elsewhere", flags_set_checkpoints},
    {"key", "HEX64", "verify: what the first key must be", flags_set_key},
    {"kind", "KIND", "show: only records of that kind, such as mutation or deploy", flags_set_kind},
    {"path", "PATH", "show: only those of that function", flags_set_path},
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_audit = {
    .name = "audit",
    .operands = "verify|show|export",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "checks or shows the audit log",
    .details =
        "verify reads the whole log and says whether anything of it was changed, taken out or put\n"
        "elsewhere, and at which record; up to where checkpoints sign it; and, with --checkpoint,\n"
        "whether its end is still there. A server appends its checkpoints to the file that\n"
        "audit_checkpoint_file names: keep it where the server's machine can only append.\n"
        "show prints records, a line each; export writes all of them as they are hashed, for\n"
        "`verify --file` on another machine.\n"
        "\n"
        "A server that runs on the folder is asked at the folder's operator.sock.\n"
        "\n"
        "Exit code: 0 for a log that is as it was written; 1 for one that is not; 2 and 5 if it\n"
        "could not be read.",
    .example =
        "  cordon audit verify --data ./cordon-data --checkpoint /mnt/elsewhere/cordon.audit\n"
        "  cordon audit show --kind deploy",
    .flags = flags,
    .run = run,
};
