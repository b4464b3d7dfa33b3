/* Starting and ending programs; see child.h. */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/terminal.h"

enum { CANNOT_RUN = 127 };

/* A pipe in `ends`, if one is wanted. Our end never waits; theirs is as any other. */
static bool make_pipe(bool is_wanted, int ends[2])
{
    ends[0] = -1;
    ends[1] = -1;
    return !is_wanted || (pipe2(ends, O_CLOEXEC) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
}

static void close_pipe(const int ends[2])
{
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0) {
            (void)close(ends[i]);
        }
    }
}

/* What this program changed of signals is none of its children's matter. */
static void reset_signals(void)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGXFSZ, SIG_DFL);
}

static void redirect(int output, int errors)
{
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing >= 0) {
        (void)dup2(nothing, STDIN_FILENO);
    }
    if (output >= 0) {
        (void)dup2(output, STDOUT_FILENO);
    }
    if (errors >= 0) {
        (void)dup2(errors, STDERR_FILENO);
    }
}

static void set_admin_key(const char *key)
{
    if (key == NULL) {
        (void)unsetenv("CORDON_ADMIN_KEY");
    } else {
        (void)setenv("CORDON_ADMIN_KEY", key, 1);
    }
}

/* In the new process. A parent that is gone by now would never be noticed. */
static _Noreturn void become(
    const struct child_program *program, pid_t parent, int output, int errors)
{
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(CANNOT_RUN);
    }
    redirect(output, errors);
    reset_signals();
    set_admin_key(program->admin_key);
    if (program->folder == NULL || chdir(program->folder) == 0) {
        (void)execvp(
            program->path == NULL ? "/proc/self/exe" : program->path,
            (char *const *)(uintptr_t)program->words);
    }
    (void)terminal_fail(
        0, "'%s' cannot be run: %s; install it, or check your PATH", program->words[0],
        strerror(errno));
    _exit(CANNOT_RUN);
}

static int fail(const struct child_program *program)
{
    return terminal_fail(
        CLI_MACHINE, "'%s' cannot be started: %s; stop some programs and try again",
        program->words[0], strerror(errno));
}

int child_start(const struct child_program *program, struct child *out_child)
{
    int output[2];
    int errors[2];
    if (!make_pipe(program->catches_output, output)) {
        return fail(program);
    }
    if (!make_pipe(program->catches_errors, errors)) {
        close_pipe(output);
        return fail(program);
    }
    (void)fflush(stdout);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        become(program, parent, output[1], errors[1]);
    }
    if (pid < 0) {
        close_pipe(output);
        close_pipe(errors);
        return fail(program);
    }
    (void)setpgid(pid, pid); /* whoever of the two comes first */
    const int theirs[2] = {output[1], errors[1]};
    close_pipe(theirs);
    *out_child = (struct child){.pid = pid, .output = output[0], .errors = errors[0]};
    return CLI_OK;
}

bool child_has_ended(struct child *child, int *out_status)
{
    int status = 0;
    if (child->pid == 0 || waitpid(child->pid, &status, WNOHANG) != child->pid) {
        return false;
    }
    child->pid = 0;
    *out_status = status;
    return true;
}

void child_signal(const struct child *child, int signal_number)
{
    if (child->pid != 0) {
        (void)kill(-child->pid, signal_number);
    }
}

void child_done(struct child *child)
{
    const int ends[2] = {child->output, child->errors};
    close_pipe(ends);
    *child = (struct child)CHILD_NONE;
}
