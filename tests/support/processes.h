/* Processes as /proc shows them, for tests of who is there and who is gone. */
#ifndef SUPPORT_PROCESSES_H
#define SUPPORT_PROCESSES_H

#include "base/clock.h"

#include <ctype.h>
#include <dirent.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* State letter and parent of a process; false if there is none of that number. */
static inline bool process_look(pid_t pid, char *out_state, pid_t *out_parent)
{
    char path[64];
    char line[512] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    const bool is_read = fgets(line, sizeof line, file) != NULL;
    (void)fclose(file);
    const char *behind_name = strrchr(line, ')');
    int parent = 0;
    if (!is_read || behind_name == NULL ||
        sscanf(behind_name, ") %c %d", out_state, &parent) != 2) {
        return false;
    }
    *out_parent = parent;
    return true;
}

/* How many children a process has; the last that was found in `*out_child` (0: none). */
static inline size_t process_children(pid_t parent, pid_t *out_child)
{
    size_t count = 0;
    *out_child = 0;
    DIR *folder = opendir("/proc");
    if (folder == NULL) {
        return 0;
    }
    /* Tests read folders on one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        char state = 0;
        pid_t its_parent = 0;
        if (pid > 0 && process_look(pid, &state, &its_parent) && its_parent == parent) {
            *out_child = pid;
            count++;
        }
    }
    (void)closedir(folder);
    return count;
}

/* Waits until the process has a child, and gives the last one; 0 if it gets none in ten seconds. */
static inline pid_t process_await_child(pid_t parent)
{
    const uint64_t deadline = clock_deadline_ns(10000);
    pid_t child = 0;
    while (process_children(parent, &child) == 0 && clock_poll_ms(deadline) > 0) {
        (void)poll(NULL, 0, 1);
    }
    return child;
}

/* Waits until the process has no child, not even one to be reaped; false after ten seconds. */
static inline bool process_await_childless(pid_t parent)
{
    const uint64_t deadline = clock_deadline_ns(10000);
    pid_t child = 0;
    while (process_children(parent, &child) > 0) {
        if (clock_poll_ms(deadline) == 0) {
            return false;
        }
        (void)poll(NULL, 0, 1);
    }
    return true;
}

/* Waits until no process, not even an unreaped one, has the number; false after ten seconds. */
static inline bool process_await_end(pid_t pid)
{
    const uint64_t deadline = clock_deadline_ns(10000);
    char state = 0;
    pid_t parent = 0;
    while (process_look(pid, &state, &parent)) {
        if (clock_poll_ms(deadline) == 0) {
            return false;
        }
        (void)poll(NULL, 0, 1);
    }
    return true;
}

/* Waits until the process is in that state, or gone; false after ten seconds. */
static inline bool process_await_state(pid_t pid, char wanted)
{
    const uint64_t deadline = clock_deadline_ns(10000);
    char state = 0;
    pid_t parent = 0;
    while (process_look(pid, &state, &parent) && state != wanted) {
        if (clock_poll_ms(deadline) == 0) {
            return false;
        }
        (void)poll(NULL, 0, 1);
    }
    return true;
}

/* As process_await_end(), for one whose parent died: whoever has got it reaps it when it likes. */
static inline bool process_await_death(pid_t pid)
{
    return process_await_state(pid, 'Z');
}

#endif
