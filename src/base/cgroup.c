/*
 * What control groups allow; see cgroup.h.
 *
 * A service is in a group below the top one, and it is this group's file, or that of a slice above
 * it, that has the bound. In a container the groups above its own are out of sight, and the path
 * that the kernel tells may not be there: the top of what is mounted is looked at in any case.
 */
#include "base/cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 8192, LINE_BYTES = 4096 };

static uint64_t least_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t read_bound(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return UINT64_MAX;
    }
    char text[32] = "";
    const bool read = fgets(text, sizeof text, file) != NULL;
    (void)fclose(file);
    char *end = text;
    const unsigned long long bytes = strtoull(text, &end, 10);
    return read && end != text ? bytes : UINT64_MAX; /* "max" is no number */
}

/* Of a group, whose name is used up, and all above it. */
static uint64_t read_bounds(const char *root, const char *mount, const char *name, char *group)
{
    uint64_t least = UINT64_MAX;
    char *last = group;
    while (last != NULL) {
        char path[PATH_BYTES];
        const int size = snprintf(path, sizeof path, "%s%s%s/%s", root, mount, group, name);
        if (size > 0 && (size_t)size < sizeof path) {
            least = least_of(least, read_bound(path));
        }
        last = strrchr(group, '/');
        if (last != NULL) {
            *last = '\0';
        }
    }
    return least;
}

static bool has_memory(const char *controllers)
{
    static const char name[] = "memory";
    const char *at = controllers;
    while (*at != '\0') {
        const size_t size = strcspn(at, ",");
        if (size == sizeof name - 1 && memcmp(at, name, size) == 0) {
            return true;
        }
        at += at[size] == ',' ? size + 1 : size;
    }
    return false;
}

/* A line is `number:controllers:group`; of the second version there are no controllers. */
static uint64_t read_line(const char *root, char *line)
{
    char *const controllers = strchr(line, ':');
    char *const group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (group == NULL) {
        return UINT64_MAX;
    }
    *group = '\0';
    group[1 + strcspn(group + 1, "\n")] = '\0';
    if (controllers[1] == '\0') {
        return read_bounds(root, "/sys/fs/cgroup", "memory.max", group + 1);
    }
    return has_memory(controllers + 1)
               ? read_bounds(root, "/sys/fs/cgroup/memory", "memory.limit_in_bytes", group + 1)
               : UINT64_MAX;
}

uint64_t cgroup_memory_bytes(const char *root)
{
    char line[LINE_BYTES] = "";
    (void)snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    FILE *file = fopen(line, "re");
    uint64_t least = UINT64_MAX;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        least = least_of(least, read_line(root, line));
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return least;
}
