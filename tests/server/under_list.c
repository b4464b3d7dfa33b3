/*
 * under_list FILE ERRNO PROGRAM WORD...: runs it, and what it starts, with the calls alone that the
 * file names, one word each; any other fails with that errno. As SystemCallFilter= of systemd does,
 * for a test that has no systemd.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Names of calls that this machine does not have are passed over, as systemd does. */
static bool allow(scmp_filter_ctx filter, FILE *file)
{
    char name[64];
    int failed = 0;
    while (failed == 0 && fscanf(file, "%63s", name) == 1) {
        const int call = seccomp_syscall_resolve_name(name);
        if (call != __NR_SCMP_ERROR) {
            failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
        }
    }
    return failed == 0;
}

int main(int argc, char **argv)
{
    FILE *const file = argc < 4 ? NULL : fopen(argv[1], "re");
    if (file == NULL) {
        (void)fputs("usage: under_list FILE ERRNO PROGRAM WORD...\n", stderr);
        return 2;
    }
    const int code = (int)strtol(argv[2], NULL, 10);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO((uint16_t)code));
    /* The list says who may load it; once this process has no rights to gain. */
    const bool is_filled = filter != NULL && allow(filter, file);
    (void)fclose(file);
    if (is_filled && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && seccomp_load(filter) == 0) {
        (void)execv(argv[3], argv + 3);
    }
    perror("under_list");
    return 1;
}
