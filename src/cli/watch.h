/*
 * Whether the sources of a project have changed. The kernel only says that it is time to look;
 * what counts is what is there then: names, sizes and times of the files. So a build that writes
 * into the project leads to one look and no build, an editor may save in whatever way it likes, and
 * events that were lost cost nothing.
 */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "cli/text.h"

struct watch {
    struct text folder;
    int fd;        /* readable: something happened. -1: the kernel has no more watches to give */
    uint64_t seen; /* what was there at the last look */
};

/*
 * Begins to watch a folder and all below it but what is no source: hidden folders (save .cargo),
 * `target`, `build`, `node_modules`, data folders of Cordon, modules, and what editors leave beside
 * files. What is there now counts as seen.
 */
void watch_open(struct watch *watch, const char *folder);

/* Also for a struct of zeros. */
void watch_close(struct watch *watch);

/* Forgets that something happened. */
void watch_drain(const struct watch *watch);

/* Whether something changed since the last look. */
bool watch_look(struct watch *watch);

#endif
