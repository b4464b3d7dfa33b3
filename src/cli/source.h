/*
 * Where documents and environment variables are read from and written to: a running server, by its
 * HTTP API and an admin key, or a data folder that no server uses, through a runtime of the
 * command's own. Both say the same in the same JSON, so the commands need not know which it is.
 *
 * Each call returns 0, or the exit code after having said what is wrong.
 */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "cli/cli.h"
#include "cli/text.h"

struct source {
    const struct cli_options *options;
    cordon_runtime *runtime; /* NULL: a server */
    char snapshot[24];       /* a moment that is held, in decimal; empty: none */
    bool is_lost;            /* the server did not answer */
};

enum source_purpose { SOURCE_READ, SOURCE_WRITE };

/*
 * By the options: with --data the folder, which must be there to be read, else the server. To be
 * closed in any case.
 */
int source_open(
    struct source *source, const struct cli_options *options, enum source_purpose purpose);

/* Lets go of the moment that is held, too. */
void source_close(struct source *source);

/* Holds the newest moment: what is read from now on is of it. */
int source_hold(struct source *source);

/* Calls `use` with each table; it returns 0 to go on. */
int source_each_table(
    struct source *source, int (*use)(void *arg, const cordon_json_value *table), void *arg);

struct source_page {
    const char *table;
    const char *cursor; /* NULL: the first page */
    bool descending;
    uint32_t limit; /* 0: as many as a page has */
};

/* `*out_json` is the caller's, also where it fails. */
int source_read(struct source *source, const struct source_page *page, cordon_json **out_json);

enum source_mode { SOURCE_ADD, SOURCE_CHECK, SOURCE_CHECK_REPLACE };

struct source_batch {
    const char *table;
    uint32_t number; /* 0: not known */
    enum source_mode mode;
    const struct text *lines;
    uint64_t first_line;
};

/* How many documents were added, and how many were there already. */
struct source_counts {
    uint64_t inserted;
    uint64_t unchanged;
};

int source_write(
    struct source *source, const struct source_batch *batch, struct source_counts *out_counts);

/* Removes some documents; to be called as long as there are more, with a cursor empty at first. */
int source_clear(
    struct source *source,
    const char *table,
    struct text *cursor,
    uint64_t *out_removed,
    bool *out_more);

/* The list of environment variables, as cordon_env_list() has it. */
int source_list_env(struct source *source, cordon_json **out_json);

/* Changes some, by the JSON of cordon_env_change(). */
int source_change_env(struct source *source, const struct text *changes);

#endif
