/*
 * A library that is loaded before a program (LD_PRELOAD), which can have no more threads than
 * CORDON_TEST_THREADS says, and none once there is a file of the name that CORDON_TEST_NO_THREADS
 * says.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef int (*create_thread)(
    pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *arg), void *arg);

static _Atomic long made;

static bool is_too_many(void)
{
    struct stat status;
    const char *const path = getenv("CORDON_TEST_NO_THREADS");
    const char *const most = getenv("CORDON_TEST_THREADS");
    return (path != NULL && stat(path, &status) == 0) ||
           (most != NULL && atomic_fetch_add(&made, 1) >= strtol(most, NULL, 10));
}

/* In place of the C library's. */
__attribute__((visibility("default"))) int pthread_create(
    pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *arg), void *arg)
{
    create_thread next = NULL;
    void *const found = dlsym(RTLD_NEXT, "pthread_create");
    memcpy(&next, &found, sizeof next);
    return is_too_many() ? EAGAIN : next(thread, attributes, start, arg);
}
