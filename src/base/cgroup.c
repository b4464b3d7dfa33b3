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

enum { PATH_BYTES = 8192, LINE_BYTES = 4096, TEXT_BYTES = 64 };

static uint64_t least_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The first line of a group's file; "" where there is none. */
static void read_file(const char *folder, const char *name, char *text, size_t size)
{
    char path[PATH_BYTES];
    text[0] = '\0';
    const int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *const file = length > 0 && (size_t)length < sizeof path ? fopen(path, "re") : NULL;
    if (file != NULL) {
        if (fgets(text, (int)size, file) == NULL) {
            text[0] = '\0';
        }
        (void)fclose(file);
    }
}

/* "max", and what is below 0, are no bounds. */
static uint64_t read_number(const char *text, const char **out_end)
{
    char *end = NULL;
    const unsigned long long number = strtoull(text, &end, 10);
    *out_end = end;
    return end == text || text[0] == '-' ? UINT64_MAX : number;
}

static uint64_t bytes_of_file(const char *folder, const char *name)
{
    char text[TEXT_BYTES];
    const char *end = NULL;
    read_file(folder, name, text, sizeof text);
    return read_number(text, &end);
}

static uint64_t bytes_of(const char *folder)
{
    return bytes_of_file(folder, "memory.max");
}

static uint64_t bytes_of_v1(const char *folder)
{
    return bytes_of_file(folder, "memory.limit_in_bytes");
}

/* A quota for each period, both in microseconds. */
static uint64_t share_of(uint64_t quota, uint64_t period)
{
    return quota == UINT64_MAX || quota > UINT64_MAX / 1000 || period == UINT64_MAX || period == 0
               ? UINT64_MAX
               : quota * 1000 / period;
}

static uint64_t processors_of(const char *folder)
{
    char text[TEXT_BYTES];
    const char *end = NULL;
    read_file(folder, "cpu.max", text, sizeof text);
    const uint64_t quota = read_number(text, &end);
    return share_of(quota, quota == UINT64_MAX ? 0 : read_number(end, &end));
}

static uint64_t processors_of_v1(const char *folder)
{
    char text[TEXT_BYTES];
    const char *end = NULL;
    read_file(folder, "cpu.cfs_quota_us", text, sizeof text);
    const uint64_t quota = read_number(text, &end);
    read_file(folder, "cpu.cfs_period_us", text, sizeof text);
    return share_of(quota, read_number(text, &end));
}

/* What is bounded, in either version: how to read a group's bound, from its folder. */
struct resource {
    uint64_t (*read)(const char *folder);
    uint64_t (*read_v1)(const char *folder);
    const char *controller; /* of the first version, and the folder that it is mounted at */
};

/* Of a group, whose name is used up, and all above it. */
static uint64_t read_bounds(
    const char *root, const char *controller, char *group, uint64_t (*read)(const char *folder))
{
    uint64_t least = UINT64_MAX;
    char *last = group;
    while (last != NULL) {
        char path[PATH_BYTES];
        const int size =
            snprintf(path, sizeof path, "%s/sys/fs/cgroup/%s%s", root, controller, group);
        if (size > 0 && (size_t)size < sizeof path) {
            least = least_of(least, read(path));
        }
        last = strrchr(group, '/');
        if (last != NULL) {
            *last = '\0';
        }
    }
    return least;
}

static bool has_controller(const char *controllers, const char *name)
{
    const char *at = controllers;
    while (*at != '\0') {
        const size_t size = strcspn(at, ",");
        if (size == strlen(name) && memcmp(at, name, size) == 0) {
            return true;
        }
        at += at[size] == ',' ? size + 1 : size;
    }
    return false;
}

/* A line is `number:controllers:group`; of the second version there are no controllers. */
static uint64_t read_line(const char *root, const struct resource *resource, char *line)
{
    char *const controllers = strchr(line, ':');
    char *const group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (group == NULL) {
        return UINT64_MAX;
    }
    *group = '\0';
    group[1 + strcspn(group + 1, "\n")] = '\0';
    if (controllers[1] == '\0') {
        return read_bounds(root, "", group + 1, resource->read);
    }
    return has_controller(controllers + 1, resource->controller)
               ? read_bounds(root, resource->controller, group + 1, resource->read_v1)
               : UINT64_MAX;
}

static uint64_t read_least(const char *root, const struct resource *resource)
{
    char line[LINE_BYTES] = "";
    (void)snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    FILE *file = fopen(line, "re");
    uint64_t least = UINT64_MAX;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        least = least_of(least, read_line(root, resource, line));
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return least;
}

uint64_t cgroup_memory_bytes(const char *root)
{
    static const struct resource memory = {bytes_of, bytes_of_v1, "memory"};
    return read_least(root, &memory);
}

uint64_t cgroup_processors_milli(const char *root)
{
    static const struct resource processors = {processors_of, processors_of_v1, "cpu"};
    return read_least(root, &processors);
}
