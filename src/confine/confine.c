/* Confining the whole process; see confine.h. */
#include "confine/confine.h"

#include "base/everywhere.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* What each thread does, and the first failure. */
struct restriction {
    int ruleset;
    atomic_int privileges_failed;
    atomic_int landlock_failed;
};

/* In a signal handler of each thread. */
static void restrict_thread(void *arg)
{
    struct restriction *restriction = arg;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        atomic_store(&restriction->privileges_failed, errno);
        return;
    }
    if (restriction->ruleset != CONFINE_NO_RULESET) {
        const int failed = landlock_restrict(restriction->ruleset);
        if (failed != 0) {
            atomic_store(&restriction->landlock_failed, failed);
        }
    }
}

CORDON_PRINTF(2, 3) static void add_missing(struct confine_report *report, const char *format, ...)
{
    const size_t used = strlen(report->missing);
    const char *const between = used == 0 ? "" : "; ";
    char words[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    (void)snprintf(report->missing + used, sizeof report->missing - used, "%s%s", between, words);
}

static void say_of_threads(
    const struct restriction *restriction, uint32_t missed, struct confine_report *report)
{
    const int privileges = atomic_load(&restriction->privileges_failed);
    const int landlock = atomic_load(&restriction->landlock_failed);
    report->no_new_privileges = missed == 0 && privileges == 0;
    if (missed > 0) {
        add_missing(report, "%u threads block every signal, and keep their rights", missed);
    }
    if (privileges != 0) {
        add_missing(report, "no new privileges: %s", strerrordesc_np(privileges));
    }
    if (landlock != 0) {
        add_missing(report, "Landlock: %s", strerrordesc_np(landlock));
    }
    if (missed > 0 || privileges != 0 || landlock != 0) {
        report->landlock = 0;
    }
    char lacking[LANDLOCK_WORDS_BYTES];
    landlock_lacks(report->landlock, LANDLOCK_OF_SERVER, lacking);
    if (lacking[0] != '\0') {
        add_missing(report, "%s", lacking);
    }
}

/* No new privileges first, without which the kernel takes neither of the others. */
static cordon_error *restrict_threads(
    const struct confine_options *options, struct confine_report *report)
{
    struct restriction restriction = {.ruleset = CONFINE_NO_RULESET};
    uint32_t missed = 0;
    int failed = 0;
    landlock_make(
        options->paths, options->path_count, LANDLOCK_OF_SERVER, &restriction.ruleset,
        &report->landlock, &failed);
    if (failed != 0) {
        add_missing(
            report, "Landlock: %s",
            failed == ENOSYS || failed == EOPNOTSUPP ? "this kernel has it not, or not switched on"
                                                     : strerrordesc_np(failed));
    }
    cordon_error *error = everywhere_call(restrict_thread, &restriction, &missed);
    if (restriction.ruleset != CONFINE_NO_RULESET) {
        (void)close(restriction.ruleset);
    }
    TRY(error);
    say_of_threads(&restriction, missed, report);
    return NULL;
}

cordon_error *confine_process(
    const struct confine_options *options, struct confine_report *out_report)
{
    struct confine_report report = {0};
    if (options->hide && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        add_missing(&report, "hiding its memory: %s", strerrordesc_np(errno));
    }
    TRY(restrict_threads(options, &report));
    const int failed = syscalls_restrict();
    report.seccomp = failed == 0;
    if (failed != 0) {
        add_missing(&report, "seccomp: %s", strerrordesc_np(failed));
    }
    *out_report = report;
    return NULL;
}
