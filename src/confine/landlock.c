/*
 * Landlock by its system calls: there is no library for it, and the headers of the C library know
 * older versions than kernels do. Each version can hold back more than the one before; what this
 * kernel's cannot is left out, and the version is told.
 *
 * All that can be held back is, with no rule for the network: nothing is bound any more, and
 * connected by the one process alone whose purpose that is. Sockets with abstract names are out of
 * reach, if who made them is not confined by the same rules; so are other processes for signals of
 * the fetcher. The server has to end its keeper: which signals it sends, its list of calls says.
 */
#include "confine/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In headers of later versions. */
#define ACCESS_TRUNCATE ((uint64_t)1 << 14)
#define ACCESS_IOCTL ((uint64_t)1 << 15)
#define ACCESS_BIND ((uint64_t)1)
#define ACCESS_CONNECT ((uint64_t)2)
#define SCOPE_ABSTRACT ((uint64_t)1)
#define SCOPE_SIGNAL ((uint64_t)2)

#define ACCESS_FILE                                                                                \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |   \
     ACCESS_TRUNCATE | ACCESS_IOCTL)

/* As the kernel has it since version 6; an older one takes it as long as what it lacks is 0. */
struct ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

/* What version 1 holds back of files. */
#define ACCESS_FS_FIRST (((uint64_t)1 << 13) - 1)

static uint64_t held_back_of_files(int version)
{
    return ACCESS_FS_FIRST | (version >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) |
           (version >= 3 ? ACCESS_TRUNCATE : 0) | (version >= 5 ? ACCESS_IOCTL : 0);
}

static uint64_t allowed_by(enum confine_access access)
{
    const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    const uint64_t adding = reading | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG;
    switch (access) {
    case CONFINE_READ:
        return reading;
    case CONFINE_APPEND:
        return adding;
    case CONFINE_UNLINK:
        return LANDLOCK_ACCESS_FS_REMOVE_FILE;
    case CONFINE_CHANGE:
        return adding | ACCESS_TRUNCATE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
               LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR |
               LANDLOCK_ACCESS_FS_REFER;
    }
    return 0;
}

/* Adds the rule of a path; errno, or 0, also for one that is not there. */
static int add_rule(int ruleset, const struct confine_path *path, uint64_t held_back)
{
    struct landlock_path_beneath_attr rule = {
        .allowed_access = allowed_by(path->access) & held_back,
        .parent_fd = open(path->path, O_PATH | O_CLOEXEC),
    };
    struct stat status;
    if (rule.parent_fd < 0) {
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : errno;
    }
    int failed = fstat(rule.parent_fd, &status) == 0 ? 0 : errno;
    if (failed == 0 && !S_ISDIR(status.st_mode)) {
        rule.allowed_access &= ACCESS_FILE;
    }
    if (failed == 0 && rule.allowed_access != 0 &&
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
        failed = errno;
    }
    (void)close(rule.parent_fd);
    return failed;
}

void landlock_make(
    const struct confine_path *paths,
    size_t path_count,
    enum landlock_of whose,
    int *out_ruleset,
    int *out_version,
    int *out_failed)
{
    const bool is_fetcher = whose == LANDLOCK_OF_FETCHER;
    *out_ruleset = CONFINE_NO_RULESET;
    *out_version = 0;
    *out_failed = 0;
    const long version =
        syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
    const struct ruleset wanted = {
        .handled_access_fs = held_back_of_files((int)version),
        .handled_access_net = version >= 4 ? ACCESS_BIND | (is_fetcher ? 0 : ACCESS_CONNECT) : 0,
        .scoped = version >= 6 ? SCOPE_ABSTRACT | (is_fetcher ? SCOPE_SIGNAL : 0) : 0,
    };
    const long ruleset =
        version < 1 ? -1 : syscall(SYS_landlock_create_ruleset, &wanted, sizeof wanted, 0);
    if (ruleset < 0) {
        *out_failed = errno;
        return;
    }
    for (size_t i = 0; i < path_count && *out_failed == 0; i++) {
        *out_failed = add_rule((int)ruleset, &paths[i], wanted.handled_access_fs);
    }
    if (*out_failed != 0) {
        (void)close((int)ruleset);
        return;
    }
    *out_ruleset = (int)ruleset;
    *out_version = (int)version;
}

/*
 * What each version holds back that the one before cannot; by whose. Version 2 adds none: version 1
 * refuses every move of a file to another folder, for which there is a right from then on.
 */
static const struct {
    int version;
    const char *words[2];
} additions[] = {
    {3, {"cutting files off", "cutting files off"}},
    {4, {"TCP", "listening on TCP"}},
    {5, {"commands to devices", "commands to devices"}},
    {6, {"abstract sockets", "abstract sockets, signals"}},
};

void landlock_lacks(int version, enum landlock_of whose, char out_words[LANDLOCK_WORDS_BYTES])
{
    size_t used = 0;
    out_words[0] = '\0';
    for (size_t i = 0; i < sizeof additions / sizeof additions[0] && version > 0; i++) {
        if (version >= additions[i].version) {
            continue;
        }
        char begin[64] = ", ";
        if (used == 0) {
            (void)snprintf(
                begin, sizeof begin, "Landlock %d of this kernel cannot hold back ", version);
        }
        used += (size_t)snprintf(
            out_words + used, LANDLOCK_WORDS_BYTES - used, "%s%s", begin,
            additions[i].words[whose]);
        CORDON_ASSERT(used < LANDLOCK_WORDS_BYTES);
    }
}

int landlock_restrict(int ruleset)
{
    return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? 0 : errno;
}
