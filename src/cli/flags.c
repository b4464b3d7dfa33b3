/*
 * Flags by getopt_long, from the table of the command. What getopt_long would say itself is said
 * here, in our words: an unknown flag names the nearest one that exists.
 */
#include "cli/flags.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"

/* Codes above all letters: a flag's is FLAG_CODE and its row. */
enum { FLAGS_MAX = 16, FLAG_CODE = 256, HELP_CODE = FLAG_CODE + FLAGS_MAX };

/* A plain decimal number: digits and nothing else, at most 2^64 - 1. */
static bool read_number(const char *text, uint64_t *out_number)
{
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0') {
        return false;
    }
    errno = 0;
    const unsigned long long number = strtoull(text, NULL, 10);
    if (errno != 0) {
        return false;
    }
    *out_number = number;
    return true;
}

bool flags_set_data(struct cli_options *options, const char *value)
{
    options->data = value;
    return true;
}

bool flags_set_tenant(struct cli_options *options, const char *value)
{
    options->tenant = value;
    return true;
}

bool flags_set_identity(struct cli_options *options, const char *value)
{
    options->identity = value;
    return true;
}

bool flags_set_record(struct cli_options *options, const char *value)
{
    options->record = value;
    return true;
}

bool flags_set_profile(struct cli_options *options, const char *value)
{
    options->profile = value;
    return true;
}

bool flags_set_url(struct cli_options *options, const char *value)
{
    options->url = value;
    return true;
}

bool flags_set_admin_key(struct cli_options *options, const char *value)
{
    options->admin_key = value;
    return true;
}

bool flags_set_listen(struct cli_options *options, const char *value)
{
    options->listen = value;
    return true;
}

bool flags_set_config(struct cli_options *options, const char *value)
{
    options->config = value;
    return true;
}

bool flags_set_production(struct cli_options *options, const char *value)
{
    (void)value;
    options->production = true;
    return true;
}

bool flags_set_follow(struct cli_options *options, const char *value)
{
    (void)value;
    options->follow = true;
    return true;
}

bool flags_set_history(struct cli_options *options, const char *value)
{
    options->has_history = read_number(value, &options->history);
    if (!options->has_history) {
        (void)terminal_fail(
            0, "--history takes a number of runs, a plain decimal number, not '%s'", value);
    }
    return options->has_history;
}

bool flags_set_insecure_dev(struct cli_options *options, const char *value)
{
    (void)value;
    options->insecure_dev = true;
    return true;
}

bool flags_set_once(struct cli_options *options, const char *value)
{
    (void)value;
    options->once = true;
    return true;
}

bool flags_set_table(struct cli_options *options, const char *value)
{
    options->table = value;
    return true;
}

bool flags_set_count(struct cli_options *options, const char *value)
{
    options->has_count = read_number(value, &options->count) && options->count > 0;
    if (!options->has_count) {
        (void)terminal_fail(0, "--limit takes a number of documents, from 1 on, not '%s'", value);
    }
    return options->has_count;
}

bool flags_set_order(struct cli_options *options, const char *value)
{
    options->ascending = strcmp(value, "asc") == 0;
    if (options->ascending || strcmp(value, "desc") == 0) {
        return true;
    }
    (void)terminal_fail(0, "--order must be asc or desc, not '%s'", value);
    return false;
}

bool flags_set_overwrite(struct cli_options *options, const char *value)
{
    (void)value;
    options->overwrite = true;
    return true;
}

bool flags_set_append(struct cli_options *options, const char *value)
{
    (void)value;
    options->append = true;
    return true;
}

bool flags_set_replace(struct cli_options *options, const char *value)
{
    (void)value;
    options->replace = true;
    return true;
}

bool flags_set_replace_all(struct cli_options *options, const char *value)
{
    (void)value;
    options->replace_all = true;
    return true;
}

bool flags_set_strings(struct cli_options *options, const char *value)
{
    (void)value;
    options->strings = true;
    return true;
}

bool flags_set_file(struct cli_options *options, const char *value)
{
    options->file = value;
    return true;
}

bool flags_set_checkpoints(struct cli_options *options, const char *value)
{
    options->checkpoints = value;
    return true;
}

bool flags_set_key(struct cli_options *options, const char *value)
{
    options->key = value;
    return true;
}

bool flags_set_kind(struct cli_options *options, const char *value)
{
    options->kind = value;
    return true;
}

bool flags_set_user(struct cli_options *options, const char *value)
{
    options->user = value;
    return true;
}

bool flags_set_request(struct cli_options *options, const char *value)
{
    options->request = value;
    return true;
}

bool flags_set_since(struct cli_options *options, const char *value)
{
    options->since = value;
    return true;
}

bool flags_set_until(struct cli_options *options, const char *value)
{
    options->until = value;
    return true;
}

bool flags_set_before(struct cli_options *options, const char *value)
{
    options->before = value;
    return true;
}

bool flags_set_path(struct cli_options *options, const char *value)
{
    options->path = value;
    return true;
}

bool flags_set_weight(struct cli_options *options, const char *value)
{
    options->has_weight = read_number(value, &options->weight);
    if (!options->has_weight) {
        (void)terminal_fail(0, "--weight takes a number of percent such as 200, not '%s'", value);
    }
    return options->has_weight;
}

bool flags_set_host(struct cli_options *options, const char *value)
{
    if (options->host_count == CLI_HOSTS_MAX) {
        (void)terminal_fail(0, "a tenant has at most %d host names", CLI_HOSTS_MAX);
        return false;
    }
    options->hosts[options->host_count++] = value;
    return true;
}

bool flags_set_from_file(struct cli_options *options, const char *value)
{
    const char *const equals = strchr(value, '=');
    if (equals == NULL || equals == value || equals[1] == '\0') {
        (void)terminal_fail(0, "--from-file takes NAME=FILE, or NAME=- for stdin");
        return false;
    }
    if (options->from_file_count == CLI_FROM_FILES_MAX) {
        (void)terminal_fail(
            0, "--from-file may be given %d times; set the others by another command",
            CLI_FROM_FILES_MAX);
        return false;
    }
    options->from_files[options->from_file_count++] = value;
    return true;
}

bool flags_set_no_hosts(struct cli_options *options, const char *value)
{
    (void)value;
    options->no_hosts = true;
    return true;
}

bool flags_set_format(struct cli_options *options, const char *value)
{
    options->format = strcmp(value, "json") == 0 ? CLI_JSON : CLI_TEXT;
    if (options->format == CLI_JSON || strcmp(value, "text") == 0) {
        return true;
    }
    (void)terminal_fail(0, "--format must be text or json, not '%s'", value);
    return false;
}

static bool is_bound(const char *name)
{
    const cordon_module_bound *bound = NULL;
    size_t i = 0;
    do {
        bound = cordon_module_bound_get(i++);
    } while (bound != NULL && strcmp(bound->name, name) != 0);
    return bound != NULL;
}

static void name_the_limits(const char *name)
{
    if (is_bound(name)) {
        (void)terminal_fail(0, "'%s' is a fixed bound on modules; nobody changes it", name);
        return;
    }
    const char *names[CORDON_LIMIT_COUNT];
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        names[i] = cordon_limit_get_info((cordon_limit)i)->name;
    }
    const char *const nearest = cordon_name_nearest(name, names, CORDON_LIMIT_COUNT);
    if (nearest != NULL) {
        (void)terminal_fail(0, "there is no limit '%s'; did you mean '%s'?", name, nearest);
    } else {
        (void)terminal_fail(0, "there is no limit '%s'", name);
    }
    (void)fputs("The limits are:", stderr);
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        (void)fprintf(stderr, " %s", names[i]);
    }
    (void)fputs("\n`cordon limits` explains them.\n", stderr);
}

/* The limit that a word begins with the name of, or says that there is none. */
static bool find_limit(const char *value, cordon_limit *out_limit)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(value, "="), value);
    const bool found = cordon_limit_find(name, out_limit);
    if (!found) {
        name_the_limits(name);
    }
    return found;
}

bool flags_set_tenant_limit(struct cli_options *options, const char *value)
{
    cordon_limit limit = CORDON_LIMIT_FUEL;
    if (!find_limit(value, &limit)) {
        return false;
    }
    const char *const equals = strchr(value, '=');
    options->unset_limits[limit] = equals != NULL && strcmp(equals, "=default") == 0;
    if (options->unset_limits[limit]) {
        options->limits.set[limit] = false;
        return true;
    }
    return flags_set_limit(options, value);
}

bool flags_set_limit(struct cli_options *options, const char *value)
{
    cordon_limit limit = CORDON_LIMIT_FUEL;
    if (!find_limit(value, &limit)) {
        return false;
    }
    const char *const name = cordon_limit_get_info(limit)->name;
    const char *const equals = strchr(value, '=');
    if (equals == NULL || !read_number(equals + 1, &options->limits.value[limit])) {
        (void)terminal_fail(
            0, "--limit takes NAME=VALUE with a plain decimal number, such as %s=%llu; not '%s'",
            name, (unsigned long long)cordon_limit_get_info(limit)->defaults[CORDON_MUTATION],
            value);
        return false;
    }
    options->limits.set[limit] = true;
    return true;
}

static int hex_digit(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char lower = (char)(digit >= 'A' && digit <= 'F' ? digit - 'A' + 'a' : digit);
    const char *const at = lower == '\0' ? NULL : strchr(digits, lower);
    return at == NULL ? -1 : (int)(at - digits);
}

bool flags_set_seed(struct cli_options *options, const char *value)
{
    bool good = strlen(value) == (size_t)2 * CLI_SEED_BYTES;
    for (size_t i = 0; good && i < CLI_SEED_BYTES; i++) {
        const int high = hex_digit(value[2 * i]);
        const int low = hex_digit(value[2 * i + 1]);
        good = high >= 0 && low >= 0;
        options->seed[i] = (uint8_t)(high * 16 + low);
    }
    if (!good) {
        (void)terminal_fail(0, "--seed takes 64 hexadecimal digits, not '%s'", value);
    }
    options->has_seed = good;
    return good;
}

bool flags_set_time(struct cli_options *options, const char *value)
{
    options->has_time = read_number(value, &options->time_ms);
    if (!options->has_time) {
        (void)terminal_fail(
            0, "--time takes milliseconds since 1970, a plain decimal number, not '%s'", value);
    }
    return options->has_time;
}

bool flags_set_memory(struct cli_options *options, const char *value)
{
    (void)value;
    options->memory = true;
    return true;
}

bool flags_set_check(struct cli_options *options, const char *value)
{
    options->check = value;
    return true;
}

bool flags_set_save(struct cli_options *options, const char *value)
{
    options->save = value;
    return true;
}

/* How many of something: at least one, as none would say nothing, and at most `most`. */
static bool read_count(const char *flag, const char *value, uint64_t most, uint64_t *out_count)
{
    uint64_t count = 0;
    if (read_number(value, &count) && count > 0 && count <= most) {
        *out_count = count;
        return true;
    }
    (void)terminal_fail(
        0, "--%s takes a plain decimal number from 1 to %llu, not '%s'", flag,
        (unsigned long long)most, value);
    return false;
}

bool flags_set_transactions(struct cli_options *options, const char *value)
{
    return read_count("transactions", value, UINT64_MAX, &options->transactions);
}

bool flags_set_threads(struct cli_options *options, const char *value)
{
    return read_count("threads", value, CORDON_SELFTEST_THREADS_MAX, &options->threads);
}

bool flags_set_seconds(struct cli_options *options, const char *value)
{
    return read_count("seconds", value, UINT32_MAX, &options->seconds);
}

bool flags_set_number(struct cli_options *options, const char *value)
{
    options->has_number = read_number(value, &options->number);
    if (!options->has_number) {
        (void)terminal_fail(0, "--seed takes a plain decimal number, not '%s'", value);
    }
    return options->has_number;
}

bool flags_set_to(struct cli_options *options, const char *value)
{
    const bool is_number = read_number(value, &options->to) && options->to > 0;
    if (!is_number) {
        (void)terminal_fail(0, "--to takes the number of a deploy, from 1 on, not '%s'", value);
    }
    return is_number;
}

bool flags_set_list(struct cli_options *options, const char *value)
{
    (void)value;
    options->list = true;
    return true;
}

int flags_check_args(const char *args)
{
    cordon_error *error = NULL;
    if (cordon_json_is_object(args, strlen(args), &error)) {
        return CLI_OK;
    }
    (void)terminal_fail(
        0, "ARGS-JSON must be one JSON object: %s", cordon_error_get_message(error));
    cordon_error_free(error);
    return CLI_USAGE;
}

static int count_flags(const struct cli_command *command)
{
    int count = 0;
    while (command->flags[count].name != NULL) {
        count++;
    }
    return count;
}

static int unknown_flag(const struct cli_command *command, const char *word)
{
    const char *names[FLAGS_MAX + 1] = {"help"};
    const int count = count_flags(command);
    for (int i = 0; i < count; i++) {
        names[i + 1] = command->flags[i].name;
    }
    char name[64];
    const char *const letters = word + strspn(word, "-");
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(letters, "="), letters);
    const char *const nearest = cordon_name_nearest(name, names, (size_t)count + 1);
    if (nearest != NULL) {
        return terminal_usage(
            command, "`cordon %s` has no flag '%s'; did you mean '--%s'?", command->name, word,
            nearest);
    }
    return terminal_usage(command, "`cordon %s` has no flag '%s'", command->name, word);
}

static int check_operands(const struct cli_options *options)
{
    const struct cli_command *const command = options->command;
    if (options->operand_count < command->operands_min) {
        return terminal_usage(
            command, "`cordon %s` needs %s; %s", command->name, command->operands,
            options->operand_count == 0 ? "nothing was given" : "something is missing");
    }
    if (options->operand_count > command->operands_max) {
        const char *const last = options->operands[command->operands_max];
        const char *const takes = command->operands_max == 0 ? "flags only" : command->operands;
        return strstr(takes, "...") == NULL
                   ? terminal_usage(
                         command, "'%s' is too much: `cordon %s` takes %s", last, command->name,
                         takes)
                   : terminal_usage(
                         command, "'%s' is too much: `cordon %s` takes %s, at most %d", last,
                         command->name, takes, command->operands_max);
    }
    return CLI_OK;
}

/* What getopt_long does not accept: `code` is ':' or '?', `word` where it stands in. */
static int refuse_flag(const struct cli_command *command, int code, const char *word)
{
    if (optopt == HELP_CODE) {
        return terminal_usage(command, "--help takes no value");
    }
    if (optopt >= FLAG_CODE) {
        const struct cli_flag *const flag = &command->flags[optopt - FLAG_CODE];
        if (code == ':') {
            return terminal_usage(
                command, "--%s needs a value: --%s %s", flag->name, flag->name, flag->value);
        }
        return terminal_usage(command, "--%s takes no value", flag->name);
    }
    if (optopt != 0) {
        const char letter[] = {'-', (char)optopt, '\0'};
        return unknown_flag(command, letter);
    }
    return unknown_flag(command, word);
}

static int take_flag(struct cli_options *options, int code, const char *word)
{
    const struct cli_command *const command = options->command;
    if (code == ':' || code == '?') {
        return refuse_flag(command, code, word);
    }
    if (code == HELP_CODE) {
        options->help = true;
        return CLI_OK;
    }
    if (!command->flags[code - FLAG_CODE].set(options, optarg)) {
        (void)fprintf(stderr, "`cordon %s --help` says more.\n", command->name);
        return CLI_USAGE;
    }
    return CLI_OK;
}

int flags_read(
    const struct cli_command *command, int argc, char **argv, struct cli_options *out_options)
{
    struct option table[FLAGS_MAX + 2] = {{"help", no_argument, NULL, HELP_CODE}};
    const int count = count_flags(command);
    for (int i = 0; i < count; i++) {
        table[i + 1] = (struct option){
            .name = command->flags[i].name,
            .has_arg = command->flags[i].value == NULL ? no_argument : required_argument,
            .val = FLAG_CODE + i,
        };
    }

    struct cli_options options = {.command = command};
    opterr = 0;
    for (;;) {
        optopt = 0;
        const int code = getopt_long(argc, argv, ":h", table, NULL);
        if (code == -1) {
            break;
        }
        const int failed = take_flag(&options, code == 'h' ? HELP_CODE : code, argv[optind - 1]);
        if (failed != CLI_OK || options.help) {
            *out_options = options;
            return failed;
        }
    }
    options.operands = argv + optind;
    options.operand_count = argc - optind;
    *out_options = options;
    return check_operands(&options);
}

const char *flags_folder(const struct cli_options *options)
{
    return options->data == NULL ? CLI_DEFAULT_DATA : options->data;
}

void flags_print_help(const struct cli_command *command)
{
    (void)printf(
        "usage: cordon %s%s%s%s\n\n%s\n", command->name,
        command->flags->name == NULL ? "" : " [FLAG...]", command->operands[0] == '\0' ? "" : " ",
        command->operands, command->details);
    for (const struct cli_flag *flag = command->flags; flag->name != NULL; flag++) {
        char left[40];
        (void)snprintf(
            left, sizeof left, "--%s %s", flag->name, flag->value == NULL ? "" : flag->value);
        (void)printf("%s  %-22s  %s\n", flag == command->flags ? "\n" : "", left, flag->help);
    }
    (void)printf("\nExample:\n%s\n", command->example);
}
