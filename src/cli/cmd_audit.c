/*
 * `cordon audit`: the audit log of a server or a data folder, checked, shown, written out, or
 * pruned. The first three read it from its first record on; what they make of it is one visitor
 * each.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/audit_show.h"
#include "cli/audit_source.h"
#include "cli/flags.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/times.h"

enum { CHECKPOINTS_BYTES_MAX = 256 << 20 };

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

/* Whose log it must be, and, of a folder, up to where its own secret has signed it. */
static int expect_owner(const struct cli_options *options, cordon_audit_check *check)
{
    uint32_t tenant = 0;
    const int failed = audit_source_tenant(options, &tenant);
    if (failed != CLI_OK) {
        return failed;
    }
    cordon_audit_check_of(check, tenant);
    if (options->file != NULL || options->url != NULL) {
        return CLI_OK;
    }
    cordon_error *const error = cordon_audit_check_secret(check, flags_folder(options), tenant);
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

/* Which records are not there any more, and by whose doing, if any are not. */
static void print_pruning(FILE *file, const cordon_json_value *report)
{
    if (number_of(report, "pruned_at") == 0) {
        return;
    }
    (void)fprintf(
        file, "Records before %" PRIu64 " were pruned, as record %" PRIu64 " says",
        number_of(report, "pruned_before"), number_of(report, "pruned_at"));
    terminal_print_time(file, ", at ", number_of(report, "pruned_time_ms"));
    (void)fputs(", by ", file);
    terminal_write(file, cordon_json_get_text(cordon_json_get_member(report, "pruned_by")));
    (void)fputs(".\n", file);
    const uint64_t first = number_of(report, "first");
    if (first > 0 && first < number_of(report, "pruned_before")) { /* who was killed left some */
        (void)fprintf(file, "Those from record %" PRIu64 " on are still in it.\n", first);
    }
}

/*
 * How far a log with a fault is good all the same. That its records follow each other says nothing:
 * who changes one makes the hashes behind it anew.
 */
static void print_good_part(const cordon_json_value *report)
{
    const uint64_t kept_to = number_of(report, "kept_to");
    const uint64_t signed_to = number_of(report, "signed_to");
    if (kept_to > 0) {
        (void)fprintf(
            stderr,
            "Up to record %" PRIu64 " it is as checkpoints that were kept say; what comes behind "
            "may be\nchanged.",
            kept_to);
    } else if (signed_to > 0) {
        (void)fprintf(
            stderr,
            "Up to record %" PRIu64 " its own checkpoints sign it; what comes behind may be "
            "changed.",
            signed_to);
    } else {
        (void)fputs("No checkpoint of it signs any record: all of it may be changed.", stderr);
    }
}

static void print_fault(const cordon_json_value *report)
{
    const cordon_json_value *const fault = cordon_json_get_member(report, "fault");
    (void)fprintf(
        stderr, "cordon: the audit log is not what it was: record %" PRIu64 ": ",
        number_of(fault, "sequence"));
    terminal_write(stderr, cordon_json_get_text(cordon_json_get_member(fault, "message")));
    (void)fputs("\n", stderr);
    print_good_part(report);
    (void)fputs(
        "\nKeep a copy of the data folder as it is, and compare with a backup from before.\n",
        stderr);
    print_pruning(stderr, report);
}

/* What was checked, and what that does not say. */
static void print_good(const struct cli_options *options, const cordon_json_value *report)
{
    const uint64_t last = number_of(report, "last");
    const uint64_t signed_to = number_of(report, "signed_to");
    (void)printf("The audit log is whole: %" PRIu64 " records", number_of(report, "records"));
    terminal_print_time(stdout, ", the last of ", number_of(report, "last_time_ms"));
    (void)puts(".");
    print_pruning(stdout, report);
    if (number_of(report, "checkpoints") == 0) {
        (void)puts("No checkpoint was signed yet: whoever can write the data folder could have "
                   "made all of it.");
        return;
    }
    (void)printf(
        "%" PRIu64 " checkpoints; the last one signs all up to record %" PRIu64,
        number_of(report, "checkpoints"), signed_to);
    terminal_print_time(stdout, ", at ", number_of(report, "signed_time_ms"));
    (void)printf(". %" PRIu64 " records came after.\n", last - signed_to);
    if (number_of(report, "keys_anew") > 0) {
        (void)printf(
            "Keys began anew %" PRIu64 " times, last with record %" PRIu64,
            number_of(report, "keys_anew"), number_of(report, "keys_anew_at"));
        terminal_print_time(stdout, ", at ", number_of(report, "keys_anew_time_ms"));
        (void)puts(
            ":\nwas a backup restored then? Else somebody has made the log anew from there on.");
    }
    (void)fputs(
        number_of(report, "first") > 1 ? "First key that is left: " : "First key: ", stdout);
    terminal_write(stdout, cordon_json_get_text(cordon_json_get_member(report, "key")));
    (void)puts("");
    if (options->checkpoints != NULL) {
        (void)printf(
            "All %" PRIu64 " checkpoints that were kept are in it: nothing up to record %" PRIu64
            " was cut off.\n",
            number_of(report, "kept"), number_of(report, "kept_to"));
        if (number_of(report, "kept_pruned") > 0) {
            (void)printf(
                "%" PRIu64 " more speak of records that were pruned.\n",
                number_of(report, "kept_pruned"));
        }
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
    int failed = expect_owner(options, check);
    if (failed == CLI_OK) {
        failed = expect_checkpoints(options, check);
    }
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

/* -- prune ----------------------------------------------------------------------------------- */

static bool is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int print_pruned(const struct cli_options *options, const struct text *answer)
{
    cordon_json *json = NULL;
    cordon_error *const error =
        cordon_json_parse(answer->size == 0 ? "" : answer->data, answer->size, &json);
    if (error != NULL) {
        cordon_error_free(error);
        return terminal_fail(
            CLI_MACHINE, "the server's answer is no JSON; name the operator's listener of a Cordon "
                         "server with --url");
    }
    const cordon_json_value *const root = cordon_json_get_root(json);
    const uint64_t pruned = number_of(root, "pruned");
    if (options->format == CLI_JSON) {
        (void)printf("%s\n", answer->data);
    } else if (pruned == 0) {
        (void)puts("Nothing was pruned: no checkpoint speaks of so early a record.");
    } else {
        (void)printf(
            "%" PRIu64 " records were pruned; the log begins with record %" PRIu64 ".\n", pruned,
            number_of(root, "first"));
    }
    cordon_json_free(json);
    return CLI_OK;
}

static int prune(const struct cli_options *options)
{
    TEXT_CLEANUP parameter = {0};
    TEXT_CLEANUP answer = {0};
    uint64_t ms = 0;
    if (options->before == NULL || options->file != NULL) {
        return terminal_usage(
            &cli_audit, "prune needs --before DATE or --before SEQUENCE, and a server that runs");
    }
    if (is_number(options->before)) {
        text_printf(&parameter, "before=%s", options->before);
    } else if (times_read(options->before, &ms)) {
        text_printf(&parameter, "before_ms=%" PRIu64, ms);
    } else {
        return terminal_usage(
            &cli_audit,
            "'%s' is neither a day such as 2026-01-31, a time such as 2026-01-31T12:00:00Z, nor "
            "the number of a record",
            options->before);
    }
    const int failed = audit_source_prune(options, parameter.data, &answer);
    return failed != CLI_OK ? failed : print_pruned(options, &answer);
}

/* -- The command ----------------------------------------------------------------------------- */

static int run(const struct cli_options *options)
{
    static const struct {
        const char *name;
        int (*run)(const struct cli_options *options);
    } deeds[] = {{"verify", verify}, {"show", audit_show}, {"export", export}, {"prune", prune}};
    const bool shows = strcmp(options->operands[0], "show") == 0;
    const char *const filter = shows ? NULL : audit_show_filter(options);
    if (filter != NULL) {
        return terminal_usage(
            &cli_audit, "--%s is for `cordon audit show`; %s takes all records", filter,
            options->operands[0]);
    }
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        if (strcmp(options->operands[0], deeds[i].name) == 0) {
            return deeds[i].run(options);
        }
    }
    return terminal_usage(
        &cli_audit,
        "'%s' is nothing that can be done with the audit log; verify, show, export and prune are",
        options->operands[0]);
}

static const struct cli_flag flags[] = {
    {"data", "DIR", "the data folder (default " CLI_DEFAULT_DATA "), its server running or not",
     flags_set_data},
    {"url", "URL", "the operator's listener of a server, in place of a folder", flags_set_url},
    {"file", "FILE", "what `export` wrote, in place of a folder; - for stdin", flags_set_file},
    {"checkpoint", "FILE", "verify: checkpoints that were kept elsewhere", flags_set_checkpoints},
    {"key", "HEX64|ID", "verify: what the first key must be; show: only those of that key's id",
     flags_set_key},
    {"kind", "KIND", "show: only records of that kind, such as mutation or deploy", flags_set_kind},
    {"user", "NAME", "show: only those of that user, by tokenIdentifier or subject",
     flags_set_user},
    {"request", "ID", "show: only those of that request", flags_set_request},
    {"since", "TIME", "show: only those from that day, such as 2026-01-31, or that time on, UTC",
     flags_set_since},
    {"until", "TIME", "show: only those before that day or time", flags_set_until},
    {"before", "DATE|N", "prune: the day, or the record, from which on the log is kept",
     flags_set_before},
    {"path", "PATH", "show: only those of that function", flags_set_path},
    {"tenant", "NAME|N", "whose log (default: default), by name or number; with --file by number",
     flags_set_tenant},
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_audit = {
    .name = "audit",
    .operands = "verify|show|export|prune",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "checks, shows or prunes the audit log",
    .details =
        "verify reads the whole log and says whether anything of it was changed, taken out or put\n"
        "elsewhere, and at which record; up to where checkpoints sign it; and, with --checkpoint,\n"
        "whether its end is still there, which the folder's own secret tells too, unless that was\n"
        "changed as well. A server appends its checkpoints to the file that audit_checkpoint_file\n"
        "names: keep it where the server's machine can only append.\n"
        "show prints records, a line each, those that all of its flags fit; with --format json as\n"
        "export does, which writes all of them as they are hashed, for `verify --file` on another\n"
        "machine. --key takes the id of an admin's or the operator's key, as `cordon key list` has "
        "it:\n"
        "what was done with it, and when it came and went.\n"
        "prune has a running server remove the oldest records, up to a checkpoint; what is left "
        "is\n"
        "still checked by verify, which tells who pruned it and when. Export them before.\n"
        "\n"
        "Whose log it is says --tenant; who can write the store could give a name another number,\n"
        "so verify by the number: `cordon tenant list --format json` has it, and the checkpoints.\n"
        "\n"
        "A server that runs on the folder is asked at the folder's operator.sock.\n"
        "\n"
        "Exit code: 0 for a log that is as it was written; 1 for one that is not; 2 and 5 if it\n"
        "could not be read.",
    .example =
        "  cordon audit verify --data ./cordon-data --checkpoint /mnt/elsewhere/cordon.audit\n"
        "  cordon audit show --kind deploy\n"
        "  cordon audit show --key 0123456789abcdef --since 2026-01-31\n"
        "  cordon audit show --user 'https://id.example.com|ada' --until 2026-01-31T12:00:00Z\n"
        "  cordon audit show --request 5f2a --format json",
    .flags = flags,
    .run = run,
};
