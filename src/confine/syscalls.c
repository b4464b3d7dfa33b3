/*
 * What a server that serves asks the kernel for, as a list; a call that is not on it fails with
 * ENOSYS, as on a kernel that does not have it, so that a newer C library takes its older way. What
 * only somebody would try who has taken the process over ends it at once.
 *
 * Sanitizers do what no server does: LeakSanitizer stops the process from another one with ptrace,
 * and reports read files and ask for the machine. Where they are built in, the list has that too.
 */
#include "confine/confine.h"
#include "confine/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Allowed with any arguments, besides what all our processes need (rules.h). */
static const int plain[] = {
    /* Memory; mmap and mprotect are below. */
    SCMP_SYS(mlock),
    SCMP_SYS(munlock),
    SCMP_SYS(msync),
    SCMP_SYS(membarrier),
    SCMP_SYS(memfd_create),
    /* Threads and time; clone is below. */
    SCMP_SYS(getpriority),
    SCMP_SYS(getrlimit),
    SCMP_SYS(rt_sigtimedwait),
    /* Waiting for, and at last ending, the keeper of compile workers, whose pidfd is there. */
    SCMP_SYS(waitid),
    SCMP_SYS(pidfd_send_signal),
    /* Files, where Landlock lets them be reached. */
    SCMP_SYS(close_range),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(flock),
    SCMP_SYS(preadv),
    SCMP_SYS(pwrite64),
    SCMP_SYS(pwritev),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(getcwd),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(rmdir),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(fadvise64),
    SCMP_SYS(fdatasync),
    SCMP_SYS(sync_file_range),
    SCMP_SYS(fchmod),
    /* Sockets that are there, and clients of those that listen. */
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OF_SANITIZERS                                                                              \
    SCMP_SYS(ptrace), SCMP_SYS(wait4), SCMP_SYS(clone), SCMP_SYS(prctl), SCMP_SYS(personality),    \
        SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(getdents), SCMP_SYS(arch_prctl)
#else
#define OF_SANITIZERS SCMP_SYS(exit_group)
#endif
static const int of_sanitizers[] = {OF_SANITIZERS};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ALLOW_IF(filter, call, argument, values)                                                   \
    rules_allow_if(filter, call, argument, RULES_WHOLE, values, COUNT(values))

/* Memory is written or run, and not both. */
static int add_memory(scmp_filter_ctx filter)
{
    static const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    static const scmp_datum_t rights[] = {0, PROT_WRITE, PROT_EXEC};
    int failed = 0;
    for (size_t i = 0; i < COUNT(calls) * COUNT(rights) && failed == 0; i++) {
        const struct scmp_arg_cmp is_one =
            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, rights[i % COUNT(rights)]);
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i / COUNT(rights)], 1, is_one);
    }
    return failed;
}

/*
 * Threads and no processes, each of which sets its own priority; the signal that ends the process,
 * and none to others.
 */
static int add_threads(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp is_itself[] = {
        SCMP_A0(SCMP_CMP_EQ, PRIO_PROCESS, 0), SCMP_A1(SCMP_CMP_EQ, 0, 0)};
    const struct scmp_arg_cmp is_thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
    const struct scmp_arg_cmp is_own = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0);
    int failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, is_thread);
    failed = failed != 0
                 ? failed
                 : seccomp_rule_add_array(
                       filter, SCMP_ACT_ALLOW, SCMP_SYS(setpriority), COUNT(is_itself), is_itself);
    return failed != 0 ? failed
                       : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, is_own);
}

/* A pair for the answer of the compile starter; sendto() sends to no address. */
static int add_sockets(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp is_pair[] = {
        SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0), SCMP_A1(SCMP_CMP_EQ, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    const struct scmp_arg_cmp to_nobody = SCMP_A4(SCMP_CMP_EQ, 0, 0);
    const int failed = seccomp_rule_add_array(
        filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), COUNT(is_pair), is_pair);
    return failed != 0 ? failed
                       : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1, to_nobody);
}

/* Calls of many purposes, by their second or first argument. */
static int add_purposes(scmp_filter_ctx filter)
{
    static const scmp_datum_t requests[] = {FIONBIO, FIONREAD, FIOCLEX, SIOCOUTQ, TCGETS};
    static const scmp_datum_t options[] = {
        PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_VMA};
    /* The store's locks, and the seals of what a compile worker is given. */
    static const scmp_datum_t locks[] = {F_GETLK, F_SETLK, F_SETLKW, F_ADD_SEALS, F_GET_SEALS};
    int failed = ALLOW_IF(filter, SCMP_SYS(ioctl), 1, requests);
    failed = failed != 0 ? failed : ALLOW_IF(filter, SCMP_SYS(prctl), 0, options);
    return failed != 0 ? failed : ALLOW_IF(filter, SCMP_SYS(fcntl), 1, locks);
}

static int fill(scmp_filter_ctx filter)
{
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    failed = failed != 0 ? failed : rules_add_common(filter);
    failed = failed != 0 ? failed : rules_add(filter, SCMP_ACT_ALLOW, plain, COUNT(plain));
    failed = failed != 0 ? failed : add_memory(filter);
    failed = failed != 0 ? failed : add_threads(filter);
    failed = failed != 0 ? failed : add_sockets(filter);
    failed = failed != 0 ? failed : add_purposes(filter);
    return failed != 0 ? failed
                       : rules_add(filter, SCMP_ACT_ALLOW, of_sanitizers, COUNT(of_sanitizers));
}

int syscalls_restrict(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (filter == NULL) {
        return ENOMEM;
    }
    int failed = fill(filter);
    failed = failed != 0 ? failed : seccomp_load(filter);
    seccomp_release(filter);
    return -failed;
}
