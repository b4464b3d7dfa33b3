/* Records of the audit log for people; see audit_show.h. */
#include "cli/audit_show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit_source.h"
#include "cli/terminal.h"
#include "cli/times.h"

enum { KEY_ID_DIGITS = 16 };

struct showing {
    const struct cli_options *options;
    uint64_t since_ms;
    uint64_t until_ms; /* those before it */
    bool has_begun;
    uint64_t damaged;    /* how many can't be read, */
    uint64_t damaged_at; /* and the first of them */
};

/* -- Which ----------------------------------------------------------------------------------- */

static bool is_key_id(const char *text)
{
    return strlen(text) == KEY_ID_DIGITS && strspn(text, "0123456789abcdef") == KEY_ID_DIGITS;
}

static bool is_same(cordon_text text, const char *wanted)
{
    return text.size == strlen(wanted) && memcmp(text.data, wanted, text.size) == 0;
}

/* Whether a member is that text; yes, if none is asked for. */
static bool is_text(const cordon_json_value *body, const char *name, const char *wanted)
{
    return wanted == NULL ||
           is_same(cordon_json_get_text(cordon_json_get_member(body, name)), wanted);
}

/* A tokenIdentifier is `issuer|subject`, and a subject may have a `|` itself. */
static bool is_user(const cordon_json_value *body, const char *wanted)
{
    const cordon_text user = cordon_json_get_text(cordon_json_get_member(body, "user"));
    const size_t size = wanted == NULL ? 0 : strlen(wanted);
    if (wanted == NULL || is_same(user, wanted)) {
        return true;
    }
    return size > 0 && user.size > size && user.data[user.size - size - 1] == '|' &&
           memcmp(user.data + user.size - size, wanted, size) == 0;
}

/* What it did; and what became of itself, where it is the key that is spoken of. */
static bool is_of_key(const cordon_json_value *body, const char *wanted)
{
    return wanted == NULL || is_text(body, "by_key", wanted) || is_text(body, "key", wanted);
}

/* Milliseconds since 1970. */
static uint64_t time_of(const cordon_json_value *record)
{
    const cordon_text ts = cordon_json_get_text(cordon_json_get_member(record, "ts"));
    uint64_t ns = 0;
    for (size_t i = 0; i < ts.size; i++) {
        ns = ns * 10 + (uint64_t)(ts.data[i] - '0');
    }
    return ns / 1000000;
}

static bool is_wanted(
    const struct showing *showing, const cordon_json_value *record, const cordon_json_value *body)
{
    const struct cli_options *const options = showing->options;
    const uint64_t ms = time_of(record);
    return ms >= showing->since_ms && ms < showing->until_ms &&
           is_text(body, "kind", options->kind) && is_text(body, "path", options->path) &&
           is_text(body, "request_id", options->request) && is_user(body, options->user) &&
           is_of_key(body, options->key);
}

/* -- How ------------------------------------------------------------------------------------- */

/*
 * A member as `name=value`; a text is as it is unless it could pass itself off as other members, as
 * the name of a user might.
 */
static void print_member(const cordon_json_value *value, cordon_text name)
{
    char *json = NULL;
    const cordon_text text = cordon_json_get_text(value);
    const bool is_plain = text.size == 0 || memchr(text.data, '=', text.size) == NULL;
    if (cordon_json_get_type(value) == CORDON_JSON_STRING && is_plain) {
        (void)fputc(' ', stdout);
        terminal_write(stdout, name);
        (void)fputc('=', stdout);
        terminal_write(stdout, text);
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
    uint64_t sequence = 0;
    (void)cordon_json_get_u64(cordon_json_get_member(record, "sequence"), &sequence);
    (void)printf("%" PRIu64, sequence);
    terminal_print_time(stdout, " ", time_of(record));
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

/* A row that can't be read has a line that says so, which might be any record. */
static bool note_damaged(struct showing *showing, const cordon_json_value *record)
{
    const bool is_damaged =
        cordon_json_get_type(cordon_json_get_member(record, "damaged")) == CORDON_JSON_BOOLEAN;
    if (is_damaged && showing->damaged++ == 0) {
        (void)cordon_json_get_u64(cordon_json_get_member(record, "sequence"), &showing->damaged_at);
    }
    return is_damaged;
}

static int show_line(struct showing *showing, const char *line, size_t size)
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
    const bool is_damaged = note_damaged(showing, record);
    const bool is_json = showing->options->format == CLI_JSON;
    if (is_damaged ? is_json : is_wanted(showing, record, body)) {
        if (is_json) {
            (void)fwrite(line, 1, size, stdout);
            (void)fputc('\n', stdout);
        } else {
            print_record(record, body);
        }
    }
    cordon_json_free(json);
    return CLI_OK;
}

/* Of a log that was pruned, from where on it is shown. */
static void tell_beginning(struct showing *showing, const char *lines)
{
    static const char head[] = "{\"sequence\":";
    const bool is_record = strncmp(lines, head, sizeof head - 1) == 0;
    const uint64_t first = is_record ? strtoull(lines + sizeof head - 1, NULL, 10) : 0;
    if (!showing->has_begun && first > 1) {
        (void)fprintf(
            stderr,
            "The log begins with record %" PRIu64 ": those before were pruned, as `cordon audit "
            "show --kind prune` tells.\n",
            first);
    }
    showing->has_begun = true;
}

static int show_lines(void *arg, const char *lines, size_t size)
{
    struct showing *const showing = arg;
    const char *const end = lines + size;
    tell_beginning(showing, lines);
    for (const char *at = lines; at < end;) {
        const char *const newline = memchr(at, '\n', (size_t)(end - at));
        const size_t length = (size_t)((newline == NULL ? end : newline) - at);
        const int failed = show_line(showing, at, length);
        if (failed != CLI_OK) {
            return failed;
        }
        at += length + 1;
    }
    return CLI_OK;
}

/* False after having said that it is none. */
static bool take_time(const char *flag, const char *text, uint64_t *out_ms)
{
    if (text == NULL || times_read(text, out_ms)) {
        return true;
    }
    (void)terminal_usage(&cli_audit, "--%s takes " TIMES_WORDS ", not '%s'", flag, text);
    return false;
}

/* A filter that is empty, as of a variable that was not set, would be met by who lacks it. */
static bool has_words(const struct cli_options *options)
{
    const struct {
        const char *flag;
        const char *text;
    } filters[] = {
        {"kind", options->kind},
        {"path", options->path},
        {"user", options->user},
        {"request", options->request}};
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        if (filters[i].text != NULL && filters[i].text[0] == '\0') {
            (void)terminal_usage(&cli_audit, "--%s is empty", filters[i].flag);
            return false;
        }
    }
    return true;
}

const char *audit_show_filter(const struct cli_options *options)
{
    return options->kind != NULL      ? "kind"
           : options->path != NULL    ? "path"
           : options->user != NULL    ? "user"
           : options->request != NULL ? "request"
           : options->since != NULL   ? "since"
           : options->until != NULL   ? "until"
                                      : NULL;
}

int audit_show(const struct cli_options *options)
{
    struct showing showing = {.options = options, .until_ms = UINT64_MAX};
    if (!has_words(options) || !take_time("since", options->since, &showing.since_ms) ||
        !take_time("until", options->until, &showing.until_ms)) {
        return CLI_USAGE;
    }
    if (options->key != NULL && !is_key_id(options->key)) {
        return terminal_usage(
            &cli_audit, "show --key takes the id of a key, 16 hex digits as `cordon key list` has "
                        "them, and never the key itself");
    }
    const int ended = audit_source_read(options, show_lines, &showing);
    return ended == CLI_OK && showing.damaged > 0
               ? terminal_fail(
                     CLI_FUNCTION,
                     "%" PRIu64 " of the records can't be read, the first of them record %" PRIu64
                     ": what is shown may lack them; run `cordon audit verify`",
                     showing.damaged, showing.damaged_at)
               : ended;
}
