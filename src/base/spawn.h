/*
 * Programs of ours that this one starts and speaks to over one socket, and the thread that watches
 * them. The socket's end is the helper's end, so that none outlives this process, however it ends.
 */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

#include "base/error.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* The helper's descriptor beside 0, 1 and 2, which are /dev/null or stderr. */
enum { SPAWN_FD_SOCKET = 3 };

/*
 * Runs the program in a process group of its own, so that an interrupt from the terminal ends this
 * program and not its helper, with no signal blocked or ignored, and no descriptor of ours but
 * stderr and the socket. Answers 0, or what errno would be. Any thread.
 */
int spawn_program(
    const char *path, char *const argv[], char *const environment[], int socket, pid_t *out_pid);

/* Starts a thread that leaves signals to others and sleeps in poll(). 0, or what errno would be. */
int spawn_watcher(void *(*watch)(void *arg), void *arg, pthread_t *out_thread);

/* Whether a descriptor can be read, or its other end is gone, within that time. Any thread. */
bool spawn_is_ready(int fd, int timeout_ms);

/*
 * Waits for the end of a process, by its pidfd, so that nothing of it is left; zeros if the program
 * that embeds us reaps all its children itself.
 */
siginfo_t spawn_reap(int process);

/* The same for a process that ends by its socket's end; after so long it is killed. */
void spawn_end(int process, int patience_ms);

#endif
