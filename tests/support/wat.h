/*
 * WebAssembly text for tests, by wabt's wat2wasm: for modules whose code matters, where
 * tests/unit/wasm_build.h is for modules whose structure does. A test that cannot compile its text
 * stops.
 */
#ifndef SUPPORT_WAT_H
#define SUPPORT_WAT_H

#include "base/buffer.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static inline void wat_check(bool holds, const char *what, const char *text)
{
    if (!holds) {
        (void)fprintf(stderr, "wat2wasm: %s failed for:\n%s\n", what, text);
        abort();
    }
}

/* The module's bytes with its names, in a block of the caller's (mem_free). */
static inline struct slice wat_compile(const char *text)
{
    const int in = memfd_create("wat", 0);
    const int out = memfd_create("wasm", 0);
    const size_t size = strlen(text);
    wat_check(in >= 0 && out >= 0 && write(in, text, size) == (ssize_t)size, "writing", text);
    wat_check(lseek(in, 0, SEEK_SET) == 0, "seeking", text);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    char *const argv[] = {
        (char *)(uintptr_t)"wat2wasm",      (char *)(uintptr_t)"--enable-all",
        (char *)(uintptr_t)"--debug-names", (char *)(uintptr_t)"-",
        (char *)(uintptr_t)"--output=-",    NULL,
    };
    pid_t pid = 0;
    int status = 0;
    wat_check(
        posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) == 0, "starting (wabt)", text);
    posix_spawn_file_actions_destroy(&actions);
    wat_check(waitpid(pid, &status, 0) == pid && status == 0, "compiling", text);

    struct buffer wasm;
    buffer_init(&wasm, (size_t)64 << 20);
    uint8_t chunk[4096];
    wat_check(lseek(out, 0, SEEK_SET) == 0, "seeking", text);
    for (ssize_t got = 1; got > 0;) {
        got = read(out, chunk, sizeof chunk);
        wat_check(got >= 0, "reading", text);
        wat_check(buffer_append(&wasm, slice_of(chunk, (size_t)got)) == NULL, "reading", text);
    }
    (void)close(in);
    (void)close(out);
    size_t bytes = 0;
    const uint8_t *data = buffer_take(&wasm, &bytes);
    return slice_of(data, bytes);
}

#endif
