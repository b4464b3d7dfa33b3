/* See watch.h. A look walks the tree; a project of functions has dozens of files, not thousands. */
#include "cli/watch.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/terminal.h"

/* Folders within each other; what lies deeper is no project of functions. */
enum { DEPTH_MAX = 32, EVENTS_BYTES = 16384 };

#define WATCHED                                                                                    \
    (IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)

/* -- What is a source ----------------------------------------------------------------------- */

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool ends_in(const char *name, const char *end)
{
    const size_t size = strlen(name);
    const size_t end_size = strlen(end);
    return size >= end_size && strcmp(name + size - end_size, end) == 0;
}

static bool is_source_folder(const char *name, const char *path)
{
    static const char *const products[] = {"target", "build", "node_modules"};
    if (name[0] == '.') {
        return strcmp(name, ".cargo") == 0;
    }
    return !is_among(name, products, sizeof products / sizeof products[0]) &&
           strstr(name, ".wasm") == NULL && !cordon_data_folder_has_store(path);
}

/* `4913` is what vim makes to see whether it may write. */
static bool is_source_file(const char *name)
{
    static const char *const ends[] = {"~", "#", ".swp", ".swx", ".tmp", ".bak"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (ends_in(name, ends[i])) {
            return false;
        }
    }
    return name[0] != '.' && strcmp(name, "4913") != 0 && strstr(name, ".wasm") == NULL;
}

/* -- Looking -------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *const at = bytes;
    for (size_t i = 0; i < size; i++) {
        /* Paths are written by text_printf(), which the analyser does not look into.
         * NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
        hash = (hash ^ at[i]) * 1099511628211u; /* FNV-1a */
    }
    return hash;
}

static uint64_t hash_file(const char *path, const struct stat *status)
{
    const uint64_t facts[] = {
        (uint64_t)status->st_ino,          (uint64_t)status->st_size,
        (uint64_t)status->st_mtim.tv_sec,  (uint64_t)status->st_mtim.tv_nsec,
        (uint64_t)status->st_ctim.tv_nsec, (uint64_t)status->st_mode,
    };
    const uint64_t hash = mix(14695981039346656037u, path, strlen(path) + 1);
    return mix(hash, facts, sizeof facts);
}

/* Without more watches the tree is looked at once a second instead. */
static void add_watch(struct watch *watch, const char *folder)
{
    if (watch->fd >= 0 && inotify_add_watch(watch->fd, folder, WATCHED | IN_ONLYDIR) < 0 &&
        access(folder, R_OK) == 0) {
        (void)close(watch->fd);
        watch->fd = -1;
    }
}

static uint64_t look_at_folder(struct watch *watch, const char *folder, int depth);

static uint64_t look_at_entry(struct watch *watch, const char *folder, const char *name, int depth)
{
    TEXT_CLEANUP path = {0};
    struct stat status = {0};
    text_printf(&path, "%s/%s", folder, name);
    if (lstat(path.data, &status) != 0) {
        return 0;
    }
    if (S_ISDIR(status.st_mode)) {
        return depth < DEPTH_MAX && is_source_folder(name, path.data)
                   ? look_at_folder(watch, path.data, depth + 1)
                   : 0;
    }
    if (!is_source_file(name) || stat(path.data, &status) != 0 || !S_ISREG(status.st_mode)) {
        return 0;
    }
    return hash_file(path.data, &status);
}

/* The sum over its files, so that it does not matter in which order they are found. */
static uint64_t look_at_folder(struct watch *watch, const char *folder, int depth)
{
    add_watch(watch, folder); /* before the look: nothing falls between the two */
    DIR *const entries = opendir(folder);
    if (entries == NULL) {
        return 0;
    }
    uint64_t sum = 0;
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            sum += look_at_entry(watch, folder, entry->d_name, depth);
        }
    }
    (void)closedir(entries);
    return sum;
}

/* -- Life ----------------------------------------------------------------------------------- */

void watch_open(struct watch *watch, const char *folder)
{
    *watch = (struct watch){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    text_printf(&watch->folder, "%s", folder);
    (void)watch_look(watch);
}

void watch_close(struct watch *watch)
{
    if (watch->folder.data != NULL && watch->fd >= 0) {
        (void)close(watch->fd);
    }
    text_done(&watch->folder);
}

void watch_drain(const struct watch *watch)
{
    char events[EVENTS_BYTES];
    while (watch->fd >= 0 && read(watch->fd, events, sizeof events) > 0) {
    }
}

bool watch_look(struct watch *watch)
{
    const uint64_t before = watch->seen;
    watch->seen = look_at_folder(watch, watch->folder.data, 0);
    return watch->seen != before;
}
