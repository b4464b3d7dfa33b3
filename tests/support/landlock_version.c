/*
 * A library that is loaded before a program (LD_PRELOAD), for which the kernel's Landlock is of the
 * version that CORDON_TEST_LANDLOCK says, if it is a newer one. There is no way to have the kernel
 * itself answer otherwise than with an error.
 */
#include <dlfcn.h>
#include <linux/landlock.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef long (*call_kernel)(long number, ...);

/* In place of the C library's. */
__attribute__((visibility("default"))) long syscall(long number, ...)
{
    call_kernel next = NULL;
    void *const found = dlsym(RTLD_NEXT, "syscall");
    memcpy(&next, &found, sizeof next);
    long arguments[6];
    va_list given;
    va_start(given, number);
    for (int i = 0; i < 6; i++) {
        arguments[i] = va_arg(given, long);
    }
    va_end(given);
    const long answer = next(
        number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    const char *const most = getenv("CORDON_TEST_LANDLOCK");
    const bool is_asked = number == SYS_landlock_create_ruleset &&
                          arguments[2] == LANDLOCK_CREATE_RULESET_VERSION && most != NULL;
    const long version = is_asked ? strtol(most, NULL, 10) : answer;
    return version < answer ? version : answer;
}
