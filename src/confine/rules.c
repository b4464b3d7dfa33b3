/*
 * Calls with any argument, and those by which a process would reach another one of its user, with
 * the arguments alone that reach none. Others that depend on theirs are each list's own.
 */
#include "confine/rules.h"

#include <fcntl.h>
#include <seccomp.h>

static const int common[] = {
    /* Memory that is there. */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(mincore),
    /* Threads and time. */
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(getcpu),
    SCMP_SYS(getrandom),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    /* Files, where Landlock lets them be reached. */
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(close),
    SCMP_SYS(dup),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(lseek),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(fsync),
    /* Sockets that are there. */
    SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(eventfd2),
    SCMP_SYS(pipe2),
};

/* Programs run, processes looked into, the machine changed. */
static const int deadly[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(reboot),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    SCMP_SYS(ptrace),
#endif
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int rules_add(void *filter, uint32_t action, const int *calls, size_t count)
{
    int failed = 0;
    for (size_t i = 0; i < count && failed == 0; i++) {
        failed = seccomp_rule_add(filter, action, calls[i], 0);
    }
    return failed;
}

int rules_allow_if(
    void *filter, int call, unsigned argument, uint64_t mask, const uint64_t *values, size_t count)
{
    int failed = 0;
    for (size_t i = 0; i < count && failed == 0; i++) {
        const struct scmp_arg_cmp is_one = SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, values[i]);
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, is_one);
    }
    return failed;
}

/* Limits of itself alone. A file sends no signal, nor is told whom it would send one to. */
static int allow_about_itself(void *filter)
{
    static const uint64_t itself[] = {0};
    static const uint64_t purposes[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL};
    const struct scmp_arg_cmp sets_no_signals[] = {
        SCMP_A1(SCMP_CMP_EQ, F_SETFL, 0), SCMP_A2(SCMP_CMP_MASKED_EQ, O_ASYNC, 0)};
    int failed = rules_allow_if(filter, SCMP_SYS(prlimit64), 0, RULES_WHOLE, itself, COUNT(itself));
    failed =
        failed != 0
            ? failed
            : rules_allow_if(filter, SCMP_SYS(fcntl), 1, RULES_WHOLE, purposes, COUNT(purposes));
    return failed != 0 ? failed
                       : seccomp_rule_add_array(
                             filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), COUNT(sets_no_signals),
                             sets_no_signals);
}

int rules_add_common(void *filter)
{
    int failed = rules_add(filter, SCMP_ACT_ALLOW, common, COUNT(common));
    failed = failed != 0 ? failed : allow_about_itself(filter);
    return failed != 0 ? failed : rules_add(filter, SCMP_ACT_KILL_PROCESS, deadly, COUNT(deadly));
}
