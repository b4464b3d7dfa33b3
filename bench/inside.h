/*
 * Runs inside this process, for the programs that measure them: a runner over a store with every
 * check, limit and metric on, and no server around it. Whatever goes wrong ends the program.
 */
#ifndef BENCH_INSIDE_H
#define BENCH_INSIDE_H

#include "base/buffer.h"
#include "run/runner.h"

/* Most modules of one inside. */
enum { INSIDE_MODULES_MAX = 4 };

struct inside {
    struct store *store;
    struct metrics *metrics;
    struct runner *runner;
    bool records; /* what a replay needs is kept of each run */
};

/* Whether the store has threads of its own, as a server's has; then commits wait for them. */
enum inside_threads { INSIDE_ALONE, INSIDE_FLUSHED };

/* Ends the program with the error's words, or goes on if there is none. */
void must(cordon_error *error);

/* Ends the program, saying of which thing what does not hold, unless it holds. */
void must_hold(bool holds, const char *what, const char *which);

/* A whole file, 64 MB of it at most. The caller's to free with mem_free(). */
struct slice inside_read_file(const char *path);

/* Compiles in this process and deploys the modules of `count` files. The caller's to close. */
void inside_open(struct inside *inside, const char *const *paths, size_t count);

/* The same over LMDB in a folder; who commits waits for the disk. NULL is memory. */
void inside_open_at(
    struct inside *inside,
    const char *folder,
    enum inside_threads threads,
    const char *const *paths,
    size_t count);
void inside_close(struct inside *inside);

struct inside_run {
    double ns;     /* from nothing to nothing: run_new() to run_free() */
    uint64_t fuel; /* used, import phase included */
};

/*
 * Runs a function to its end, which must be success. Arguments are encoded JSON, and so is the
 * value, which is appended to `out_value` unless that is NULL.
 */
struct inside_run inside_run(
    const struct inside *inside, const char *path, const char *args, struct buffer *out_value);

/* Sorts figures, the smallest first. */
void sort_figures(double *figures, size_t count);

#endif
