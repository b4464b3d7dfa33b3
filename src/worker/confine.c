/*
 * What a worker may ask of the kernel, as a list of what is allowed; the process ends at anything
 * else. It can open nothing, so it keeps the two files it was born with and no others; it makes no
 * process, no thread, no socket, and no memory that holds code.
 */
#include "engine/protocol.h"
#include "worker/worker.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Allowed with any arguments. */
static const int plain[] = {
    SCMP_SYS(brk),          SCMP_SYS(munmap),        SCMP_SYS(mremap),
    SCMP_SYS(madvise),      SCMP_SYS(futex),         SCMP_SYS(getrandom),
    SCMP_SYS(sched_yield),  SCMP_SYS(clock_gettime), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),   SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),         SCMP_SYS(exit_group),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool allow_plain(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < COUNT(plain); i++) {
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain[i], 0) != 0) {
            return false;
        }
    }
    return true;
}

/* Memory of its own that holds data. */
static bool allow_memory(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp is_data = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    const struct scmp_arg_cmp is_own = SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS);
    const uint32_t allow = SCMP_ACT_ALLOW;
    return seccomp_rule_add(filter, allow, SCMP_SYS(mmap), 2, is_data, is_own) == 0 &&
           seccomp_rule_add(filter, allow, SCMP_SYS(mprotect), 1, is_data) == 0;
}

/* The module is read, the artifact written; stderr (/dev/null) takes a panic's last words. */
static bool allow_files(scmp_filter_ctx filter)
{
    const struct {
        int call;
        scmp_datum_t fd;
    } rows[] = {
        {SCMP_SYS(read), WORKER_FD_MODULE},
        {SCMP_SYS(write), WORKER_FD_ARTIFACT},
        {SCMP_SYS(write), STDERR_FILENO},
        {SCMP_SYS(writev), STDERR_FILENO},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct scmp_arg_cmp of_fd = SCMP_A0(SCMP_CMP_EQ, rows[i].fd, 0);
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, rows[i].call, 1, of_fd) != 0) {
            return false;
        }
    }
    return true;
}

bool confine(void)
{
    /* No other process of the same user may look into it. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return false;
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL) {
        return false;
    }
    const bool confined = allow_plain(filter) && allow_memory(filter) && allow_files(filter) &&
                          seccomp_load(filter) == 0;
    seccomp_release(filter);
    return confined;
}
