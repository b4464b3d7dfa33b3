/*
 * The frame of the command `cordon`: what a command is, what it is given, and how it ends.
 *
 * The whole folder is written against include/cordon/ and libcordon alone, as any program that
 * embeds the library is; what it needs of the library that is not promised there does not exist.
 * A command is a table row (struct cli_command) with its flags, its help and one function.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <cordon/cordon.h>

/* Exit codes; those of a run come from cordon_outcome_get_exit_code(). */
enum cli_exit {
    CLI_OK = 0,
    CLI_FUNCTION = 1, /* the function's own doing */
    CLI_USAGE = 2,    /* flags, files, arguments: what the person at the keyboard can mend */
    CLI_REFUSED = 4,  /* a module was not admitted */
    CLI_MACHINE = 5,  /* the machine, the server or we ourselves failed */
    CLI_DIVERGED = 6, /* a replay was not the recorded run */
    CLI_DAMAGED = 7,  /* a data folder that was checked is damaged */
};

enum cli_format { CLI_TEXT, CLI_JSON };

enum { CLI_SEED_BYTES = 32, CLI_HOSTS_MAX = 16, CLI_FROM_FILES_MAX = 64 };

/* What was given on the command line, for every command; what was not given is NULL, 0 or false. */
struct cli_options {
    const struct cli_command *command;
    char *const *operands; /* what is no flag, in order */
    const char *data;
    const char *url;
    const char *admin_key;
    const char *listen;
    const char *config;
    cordon_limit_set limits;
    bool unset_limits[CORDON_LIMIT_COUNT]; /* `NAME=default` */
    const char *hosts[CLI_HOSTS_MAX];
    size_t host_count;
    const char *from_files[CLI_FROM_FILES_MAX]; /* NAME=FILE */
    size_t from_file_count;
    uint8_t seed[CLI_SEED_BYTES];
    uint64_t time_ms;
    const char *record;
    const char *identity; /* JSON */
    const char *tenant;
    const char *profile;
    uint64_t history;
    const char *table;
    uint64_t count; /* of documents */
    uint64_t transactions;
    uint64_t threads;
    uint64_t seconds;
    uint64_t number; /* a seed that is a number */
    uint64_t weight; /* of a tenant, in percent */
    uint64_t to;     /* of a deploy; 0: not given */
    const char *check;
    const char *save;
    const char *file;
    const char *checkpoints;
    const char *key;
    const char *kind;
    const char *user;
    const char *request;
    const char *since;
    const char *until;
    const char *before;
    const char *path;
    int operand_count;
    enum cli_format format;
    bool help;
    bool production;
    bool insecure_dev;
    bool has_seed;
    bool has_time;
    bool follow;
    bool has_history;
    bool has_count;
    bool ascending;
    bool overwrite;
    bool append;
    bool replace;
    bool replace_all;
    bool strings;
    bool memory;
    bool has_number;
    bool has_weight;
    bool no_hosts;
    bool once;
    bool list;
};

/* One flag of a command. `set` says what is wrong with a value and answers false. */
struct cli_flag {
    const char *name;  /* without the dashes; NULL ends a table */
    const char *value; /* what stands for its value in the help; NULL: it takes none */
    const char *help;
    bool (*set)(struct cli_options *options, const char *value);
};

struct cli_command {
    const char *name;
    const char *operands; /* as in the synopsis; "" for none */
    int operands_min;
    int operands_max;
    const char *summary; /* one line, for the list of commands */
    const char *details; /* for its own help, lines of at most 90 */
    const char *example; /* a line or more that can be typed as they stand */
    const struct cli_flag *flags;
    int (*run)(const struct cli_options *options); /* the exit code */
};

extern const struct cli_command cli_run, cli_check, cli_serve, cli_deploy, cli_call, cli_keygen,
    cli_limits, cli_new, cli_dev, cli_replay, cli_logs, cli_data, cli_export, cli_import,
    cli_selftest, cli_verify, cli_audit, cli_backup, cli_restore, cli_env, cli_rollback, cli_key,
    cli_tenant;

/* Frees a variable when it goes out of scope. */
#define CLI_CLEANUP(freep) __attribute__((cleanup(freep)))

static inline void cli_json_freep(cordon_json **json)
{
    cordon_json_free(*json);
}

#define JSON_CLEANUP CLI_CLEANUP(cli_json_freep) cordon_json *

#endif
