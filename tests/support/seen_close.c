/* For ThreadSanitizer, which follows descriptors through the functions of the C library: what libuv
 * closes by the bare system call is closed by close(), so that a number that is given out again is
 * not held against who used it before. libuv calls syscall() of the C library (unix/core.c,
 * uv__close_nocancel), and a program's own definition goes before that. */
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The C library's own; looked for early, as a child between fork and exec must not. */
static long (*next_syscall)(long number, ...);

__attribute__((constructor)) static void find_next(void)
{
    next_syscall = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
}

__attribute__((visibility("default"))) long syscall(long number, ...)
{
    long words[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++) {
        words[i] = va_arg(list, long);
    }
    va_end(list);
    if (number == SYS_close) {
        return close((int)words[0]);
    }
    if (next_syscall == NULL) { /* by what starts even before */
        find_next();
    }
    return next_syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}
