/*
 * `cordon dev`: builds a project whenever its files change, and deploys what was built. One loop
 * waits for whatever comes first: a change, a signal, the end of a build or a deploy, words of the
 * server. The work is done by others: the project's own build, and `cordon serve`, `deploy` and
 * `logs` in processes of their own, so that each can be ended at any moment.
 *
 * Only a build that succeeds is deployed, and a deploy replaces all or nothing: whatever goes
 * wrong, the last good functions go on serving.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/dev_server.h"
#include "cli/flags.h"
#include "cli/terminal.h"
#include "cli/watch.h"

enum {
    SETTLE_MS = 100,      /* after the last of several changes */
    SETTLE_MS_MAX = 1000, /* after the first */
    BLIND_LOOK_MS = 1000, /* between looks where the kernel does not tell */
    END_MS = 12000,       /* a server that stops answers what runs, for 10 s at most */
    REPORT_BYTES_MAX = 64 << 20,
    NAMES_MAX = 8, /* functions that are named */
};

#define MODULE "app.wasm"

enum step { STEP_STARTING, STEP_IDLE, STEP_BUILDING, STEP_DEPLOYING };

struct dev {
    const struct cli_options *options;
    const char *project;
    struct dev_server server;
    struct child logs;
    struct child build;
    struct child deploy;
    struct text report; /* of the deploy */
    struct watch watch;
    enum step step;
    bool has_changed;     /* since the build began */
    uint64_t change_ms;   /* when the first change came that was not looked at; 0: none did */
    uint64_t look_ms;     /* when to look */
    uint64_t began_ms;    /* the build or the deploy */
    uint64_t built_in_ms; /* the last build took */
    int signals;          /* descriptor */
    bool is_over;
    int exit_code;
};

static uint64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void end_with(struct dev *dev, int exit_code)
{
    dev->is_over = true;
    dev->exit_code = exit_code;
}

/* -- What is said --------------------------------------------------------------------------- */

static void say(enum terminal_colour colour, const char *words)
{
    terminal_paint(stdout, colour);
    (void)fputs(words, stdout);
    terminal_paint(stdout, TERMINAL_PLAIN);
    (void)fputc('\n', stdout);
    (void)fflush(stdout);
}

static void say_ready(const struct dev *dev)
{
    const bool is_here = strcmp(dev->project, ".") == 0;
    (void)fputs("Watching ", stdout);
    terminal_write(stdout, terminal_text(is_here ? "this folder" : dev->project));
    (void)printf(" for %s", dev->server.url.data);
    if (dev->server.child.pid != 0) {
        (void)fputs(", data in ", stdout);
        terminal_write(stdout, terminal_text(dev->server.data.data));
    }
    (void)puts("; Ctrl-C ends it.");
    (void)fflush(stdout);
}

static void say_failed(const char *what, int status)
{
    TEXT_CLEANUP how = {0};
    if (WIFEXITED(status)) {
        text_printf(&how, "exit code %d", WEXITSTATUS(status));
    } else {
        text_printf(&how, "signal %d", WTERMSIG(status));
    }
    terminal_paint(stderr, TERMINAL_RED);
    (void)terminal_fail(
        0, "the %s failed (%s); correct what is said above. What was deployed before stays in use",
        what, how.data);
    terminal_paint(stderr, TERMINAL_PLAIN);
}

/* "messages:list, messages:send and 3 more", of all modules of a report. */
static void print_functions(const cordon_json_value *root)
{
    size_t count = 0;
    cordon_json_walk modules = cordon_json_walk_begin(cordon_json_get_member(root, "modules"));
    for (const cordon_json_value *row; (row = cordon_json_walk_next(&modules, NULL)) != NULL;) {
        const cordon_json_value *const module = cordon_json_get_member(row, "module");
        cordon_json_walk functions =
            cordon_json_walk_begin(cordon_json_get_member(module, "functions"));
        for (const cordon_json_value *at; (at = cordon_json_walk_next(&functions, NULL)) != NULL;) {
            if (count < NAMES_MAX) {
                (void)fputs(count == 0 ? ": " : ", ", stdout);
                terminal_write(stdout, cordon_json_get_text(cordon_json_get_member(at, "path")));
            }
            count++;
        }
    }
    if (count > NAMES_MAX) {
        (void)printf(" and %zu more", count - NAMES_MAX);
    }
}

static void say_deployed(const struct dev *dev)
{
    cordon_json *json = NULL;
    cordon_error_free(
        cordon_json_parse(dev->report.size == 0 ? "" : dev->report.data, dev->report.size, &json));
    terminal_paint(stdout, TERMINAL_GREEN);
    (void)printf(
        "built in %.1f s, deployed in %.1f s", (double)dev->built_in_ms / 1000,
        (double)(now_ms() - dev->began_ms) / 1000);
    terminal_paint(stdout, TERMINAL_PLAIN);
    print_functions(json == NULL ? NULL : cordon_json_get_root(json));
    (void)fputc('\n', stdout);
    (void)fflush(stdout);
    cordon_json_free(json);
}

/* -- Steps ---------------------------------------------------------------------------------- */

static void begin_build(struct dev *dev)
{
    static const char *const words[] = {"sh", "build", NULL};
    const struct child_program program = {.path = "sh", .words = words, .folder = dev->project};
    say(TERMINAL_DIM, "building");
    dev->has_changed = false;
    dev->began_ms = now_ms();
    const int failed = child_start(&program, &dev->build);
    if (failed != CLI_OK) {
        end_with(dev, failed);
        return;
    }
    dev->step = STEP_BUILDING;
}

static void begin_deploy(struct dev *dev)
{
    TEXT_CLEANUP module = {0};
    text_printf(&module, "%s/" MODULE, dev->project);
    const char *const words[] = {
        "cordon", "deploy", "--url", dev->server.url.data, "--format", "json", module.data, NULL,
    };
    const struct child_program program = {
        .words = words,
        .admin_key = dev->server.key.data,
        .catches_output = true,
    };
    dev->report.size = 0;
    dev->began_ms = now_ms();
    const int failed = child_start(&program, &dev->deploy);
    if (failed != CLI_OK) {
        end_with(dev, failed);
        return;
    }
    dev->step = STEP_DEPLOYING;
}

/* Of a server of our own all runs are shown, of another one those from now on. */
static int begin_logs(struct dev *dev)
{
    const bool is_own = dev->server.child.pid != 0;
    const char *const words[] = {
        "cordon",
        "logs",
        "--follow",
        "--history",
        is_own ? "1000" : "0",
        "--url",
        dev->server.url.data,
        NULL,
    };
    const struct child_program program = {.words = words, .admin_key = dev->server.key.data};
    return child_start(&program, &dev->logs);
}

/* The server is there: from now on the project is watched. */
static void begin(struct dev *dev)
{
    int failed = dev_server_take_key(&dev->server);
    if (failed == CLI_OK && !dev->options->once) {
        failed = begin_logs(dev);
    }
    if (failed != CLI_OK) {
        end_with(dev, failed);
        return;
    }
    if (!dev->options->once) {
        watch_open(&dev->watch, dev->project);
        say_ready(dev);
    }
    begin_build(dev);
}

static int exit_code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : CLI_MACHINE;
}

static void end_build(struct dev *dev, int status)
{
    dev->step = STEP_IDLE;
    dev->built_in_ms = now_ms() - dev->began_ms;
    if (dev->has_changed) {
        return; /* it was ended for that, or is out of date */
    }
    if (status == 0) {
        begin_deploy(dev);
        return;
    }
    say_failed("build", status);
    if (dev->options->once) {
        end_with(dev, CLI_FUNCTION);
    }
}

static void read_report(struct dev *dev)
{
    char bytes[16384];
    ssize_t got = 0;
    while ((got = read(dev->deploy.output, bytes, sizeof bytes)) > 0) {
        if (dev->report.size < REPORT_BYTES_MAX) {
            text_append(&dev->report, bytes, (size_t)got);
        }
    }
}

static void end_deploy(struct dev *dev, int status)
{
    dev->step = STEP_IDLE;
    child_done(&dev->deploy);
    if (status == 0) {
        say_deployed(dev);
    } else {
        say_failed("deploy", status);
    }
    if (dev->options->once) {
        end_with(dev, exit_code_of(status));
    }
}

/* -- Events --------------------------------------------------------------------------------- */

static void look_for_ends(struct dev *dev)
{
    int status = 0;
    if (child_has_ended(&dev->build, &status)) {
        end_build(dev, status);
    }
    if (child_has_ended(&dev->deploy, &status)) {
        read_report(dev);
        end_deploy(dev, status);
    }
    (void)child_has_ended(&dev->logs, &status); /* it has said why */
    if (child_has_ended(&dev->server.child, &status)) {
        dev_server_read_errors(&dev->server);
        end_with(
            dev, dev_server_is_ready(&dev->server)
                     ? terminal_fail(CLI_MACHINE, "the server has ended; run `cordon dev` again")
                     : exit_code_of(status));
    }
}

static void take_signals(struct dev *dev)
{
    struct signalfd_siginfo signal;
    while (read(dev->signals, &signal, sizeof signal) == (ssize_t)sizeof signal) {
        if (signal.ssi_signo != SIGCHLD) {
            end_with(dev, dev->options->once ? CLI_MACHINE : CLI_OK);
        }
    }
    look_for_ends(dev);
}

/* Several changes that come together are one. */
static void note_change(struct dev *dev)
{
    const uint64_t now = now_ms();
    watch_drain(&dev->watch);
    if (dev->change_ms == 0) {
        dev->change_ms = now;
    }
    const uint64_t latest = dev->change_ms + SETTLE_MS_MAX;
    dev->look_ms = now + SETTLE_MS < latest ? now + SETTLE_MS : latest;
}

static bool is_blind(const struct dev *dev)
{
    return dev->watch.folder.size > 0 && dev->watch.fd < 0;
}

static void look_at_files(struct dev *dev)
{
    const bool is_due = dev->change_ms != 0 && now_ms() >= dev->look_ms;
    if (!is_due && !is_blind(dev)) {
        return;
    }
    dev->change_ms = 0;
    if (watch_look(&dev->watch)) {
        dev->has_changed = true;
        child_signal(&dev->build, SIGTERM); /* what it builds is out of date */
    }
}

static int wait_ms(const struct dev *dev)
{
    if (dev->change_ms == 0) {
        return is_blind(dev) ? BLIND_LOOK_MS : -1;
    }
    const uint64_t now = now_ms();
    return now >= dev->look_ms ? 0 : (int)(dev->look_ms - now);
}

static void wait_for_events(struct dev *dev)
{
    struct pollfd sources[] = {
        {.fd = dev->signals, .events = POLLIN},
        {.fd = dev->watch.folder.size > 0 ? dev->watch.fd : -1, .events = POLLIN},
        {.fd = dev->server.child.output, .events = POLLIN},
        {.fd = dev->server.child.errors, .events = POLLIN},
        {.fd = dev->deploy.output, .events = POLLIN},
    };
    if (poll(sources, sizeof sources / sizeof sources[0], wait_ms(dev)) <= 0) {
        return;
    }
    if ((sources[1].revents & POLLIN) != 0) {
        note_change(dev);
    }
    if ((sources[2].revents & POLLIN) != 0) {
        dev_server_read_output(&dev->server);
    }
    if ((sources[3].revents & POLLIN) != 0) {
        dev_server_read_errors(&dev->server);
    }
    if ((sources[4].revents & POLLIN) != 0) {
        read_report(dev);
    }
    if ((sources[0].revents & POLLIN) != 0) {
        take_signals(dev);
    }
}

/* -- Life ----------------------------------------------------------------------------------- */

static int open_signals(void)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGHUP);
    (void)sigaddset(&signals, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void signal_all(const struct dev *dev, int signal_number)
{
    child_signal(&dev->build, signal_number);
    child_signal(&dev->deploy, signal_number);
    child_signal(&dev->logs, signal_number);
    child_signal(&dev->server.child, signal_number);
}

static bool have_all_ended(struct dev *dev)
{
    struct child *const children[] = {&dev->build, &dev->deploy, &dev->logs, &dev->server.child};
    int status = 0;
    bool all = true;
    for (size_t i = 0; i < sizeof children / sizeof children[0]; i++) {
        (void)child_has_ended(children[i], &status);
        all = all && children[i]->pid == 0;
    }
    return all;
}

/* Asks all to end and waits for that; a second Ctrl-C, or too long a wait, ends them at once. */
static void end_all(struct dev *dev)
{
    const uint64_t until_ms = now_ms() + END_MS;
    bool is_asked = false;
    while (!have_all_ended(dev)) {
        if (!is_asked) {
            signal_all(dev, SIGTERM);
            is_asked = true;
        }
        struct pollfd source = {.fd = dev->signals, .events = POLLIN};
        const uint64_t now = now_ms();
        bool is_enough = now >= until_ms;
        (void)poll(&source, 1, is_enough ? SETTLE_MS : (int)(until_ms - now));
        struct signalfd_siginfo signal;
        while (read(dev->signals, &signal, sizeof signal) == (ssize_t)sizeof signal) {
            is_enough = is_enough || signal.ssi_signo != SIGCHLD;
        }
        if (is_enough) {
            signal_all(dev, SIGKILL);
        }
    }
}

static void dev_done(struct dev *dev)
{
    end_all(dev);
    child_done(&dev->build);
    child_done(&dev->deploy);
    child_done(&dev->logs);
    dev_server_done(&dev->server);
    watch_close(&dev->watch);
    text_done(&dev->report);
    (void)close(dev->signals);
}

static int check_options(const struct cli_options *options, const char *project)
{
    if (options->url != NULL && (options->listen != NULL || options->data != NULL)) {
        return terminal_usage(
            options->command,
            "--url names a server that runs; --listen and --data are for one that is started");
    }
    TEXT_CLEANUP build = {0};
    text_printf(&build, "%s/build", project);
    if (access(build.data, R_OK) != 0) {
        return terminal_usage(
            options->command,
            "'%s' has no file `build`, and so is no project; `cordon new rust DIR` or `cordon new "
            "c DIR` makes one",
            project);
    }
    return CLI_OK;
}

static int run(const struct cli_options *options)
{
    const char *const project = options->operand_count > 0 ? options->operands[0] : ".";
    const int wrong = check_options(options, project);
    if (wrong != CLI_OK) {
        return wrong;
    }
    CLI_CLEANUP(dev_done)
    struct dev dev = {
        .options = options,
        .project = project,
        .logs = CHILD_NONE,
        .build = CHILD_NONE,
        .deploy = CHILD_NONE,
        .signals = open_signals(),
    };
    dev_server_init(&dev.server, options, project);
    const int failed = dev_server_open(&dev.server);
    if (failed != CLI_OK) {
        return failed;
    }
    while (!dev.is_over) {
        if (dev.step == STEP_STARTING && dev_server_is_ready(&dev.server)) {
            begin(&dev);
        } else if (dev.step == STEP_IDLE && dev.has_changed) {
            begin_build(&dev);
        } else {
            wait_for_events(&dev);
            look_at_files(&dev);
        }
    }
    return dev.exit_code;
}

static const struct cli_flag flags[] = {
    {"url", "URL", "deploys to this server, which must run", flags_set_url},
    FLAG_ADMIN_KEY,
    {"listen", "ADDR:PORT", "starts a server that listens there", flags_set_listen},
    {"data", "DIR", "starts a server with this data folder (default DIR/.cordon/data)",
     flags_set_data},
    {"once", NULL, "builds and deploys once, and ends", flags_set_once},
    FLAGS_END,
};

const struct cli_command cli_dev = {
    .name = "dev",
    .operands = "[DIR]",
    .operands_min = 0,
    .operands_max = 1,
    .summary = "builds and deploys a project whenever it changes",
    .details =
        "Builds the project in DIR (default: this folder) as `cordon new` made it, with its own\n"
        "`build`, deploys it, and does so again whenever a file changes, until Ctrl-C. Prints "
        "what\n"
        "the compiler says, why a module is refused, and the log lines and errors of the "
        "functions\n"
        "as they run. What does not build or is refused leaves the last good deploy in use.\n"
        "\n"
        "It deploys to the server at " CLI_DEFAULT_URL " if that accepts the admin key that was\n"
        "given, or the project's. Else it starts a server that ends with it, with its data in\n"
        "DIR/.cordon/data and its admin key in DIR/.cordon/key.\n"
        "\n"
        "Exit code: 0 ended by Ctrl-C, or deployed once; 2 wrong usage; 5 the server failed. With\n"
        "--once also 1 the build failed; 4 the module was refused.",
    .example = "  cordon new rust messages\n"
               "  cordon dev messages",
    .flags = flags,
    .run = run,
};
