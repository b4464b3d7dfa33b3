/*
 * The command `cordon`: a table of commands, and the way from a word to its row. What was written
 * to stdout is checked at the end, so that a full disk never passes for success.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/flags.h"
#include "cli/terminal.h"

static const struct cli_command *const commands[] = {
    &cli_run,   &cli_replay, &cli_check,    &cli_serve,  &cli_deploy,  &cli_call,
    &cli_logs,  &cli_data,   &cli_export,   &cli_import, &cli_keygen,  &cli_limits,
    &cli_new,   &cli_dev,    &cli_selftest, &cli_backup, &cli_restore, &cli_verify,
    &cli_audit, &cli_env,    &cli_rollback, &cli_key,    &cli_tenant,
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_overview(FILE *file)
{
    (void)fputs(
        "cordon runs functions that other people wrote, inside hard limits.\n\n"
        "usage: cordon COMMAND [FLAG...] [OPERAND...]\n\n",
        file);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        (void)fprintf(file, "  %-8s  %s\n", commands[i]->name, commands[i]->summary);
    }
    (void)fputs(
        "  help      explains a command: cordon help COMMAND\n"
        "  version   prints the version\n\n"
        "Exit codes: 0 success; 1 the function failed; 2 wrong usage; 3 a limit ended the\n"
        "run; 4 the module was refused; 5 the machine, the server or Cordon failed;\n"
        "6 a replay was not the recorded run; 7 a data folder is damaged.\n",
        file);
}

static const struct cli_command *find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static int unknown_command(const char *word)
{
    const char *names[COMMAND_COUNT + 2] = {"help", "version"};
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i + 2] = commands[i]->name;
    }
    const char *const nearest = cordon_name_nearest(word, names, COMMAND_COUNT + 2);
    if (nearest != NULL) {
        (void)terminal_fail(0, "there is no command '%s'; did you mean '%s'?", word, nearest);
    } else {
        (void)terminal_fail(0, "there is no command '%s'", word);
    }
    (void)fputs("`cordon help` lists them all.\n", stderr);
    return CLI_USAGE;
}

static int too_much(const char *word, const char *command, const char *takes)
{
    (void)terminal_fail(0, "'%s' is too much: `cordon %s` takes %s", word, command, takes);
    (void)fputs("`cordon help` says more.\n", stderr);
    return CLI_USAGE;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static bool asks_for_version(const char *word)
{
    return strcmp(word, "version") == 0 || strcmp(word, "--version") == 0;
}

static int help(int argc, char **argv)
{
    /* The overview is also the help of these two. */
    if (argc < 2 || (argc == 2 && (asks_for_help(argv[1]) || asks_for_version(argv[1])))) {
        print_overview(stdout);
        return CLI_OK;
    }
    if (argc > 2) {
        return too_much(argv[2], "help", "one COMMAND");
    }
    const struct cli_command *const command = find(argv[1]);
    if (command == NULL) {
        return unknown_command(argv[1]);
    }
    flags_print_help(command);
    return CLI_OK;
}

static int print_version(int argc, char **argv)
{
    if (argc == 2 && asks_for_help(argv[1])) {
        return help(1, argv);
    }
    if (argc > 1) {
        return too_much(argv[1], "version", "nothing");
    }
    (void)puts("cordon " CORDON_VERSION);
    return CLI_OK;
}

static int dispatch(int argc, char **argv)
{
    const char *const word = argc < 1 ? NULL : argv[0];
    if (word == NULL) {
        print_overview(stderr);
        return CLI_USAGE;
    }
    if (asks_for_help(word)) {
        return help(argc, argv);
    }
    if (asks_for_version(word)) {
        return print_version(argc, argv);
    }
    const struct cli_command *const command = find(word);
    if (command == NULL) {
        return unknown_command(word);
    }
    struct cli_options options;
    const int failed = flags_read(command, argc, argv, &options);
    if (failed == CLI_OK && options.help) {
        flags_print_help(command);
        return CLI_OK;
    }
    return failed == CLI_OK ? command->run(&options) : failed;
}

/*
 * Where a standard stream is not open, no file may get its number, and then what is said there.
 * They are opened the wrong way round, for what is read or written there to fail as it did.
 */
static void open_standard_streams(void)
{
    int fd = -1;
    do {
        fd = open("/dev/null", fcntl(STDIN_FILENO, F_GETFD) == -1 ? O_WRONLY : O_RDONLY);
    } while (fd >= 0 && fd < STDERR_FILENO);
    if (fd > STDERR_FILENO) {
        (void)close(fd);
    }
}

int main(int argc, char **argv)
{
    open_standard_streams();
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow answers EFBIG then */
    const int code = dispatch(argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        return terminal_fail(CLI_MACHINE, "cannot write to stdout: is the disk full?");
    }
    return code;
}
