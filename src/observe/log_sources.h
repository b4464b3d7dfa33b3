/*
 * Who writes log lines: of each event, level and name, how many lines in this second, and of each
 * name, how many bytes wait for a reader. In bounded memory, with two promises: whoever has a place
 * here is counted for itself alone, and no place with something untold is given to another.
 */
#ifndef OBSERVE_LOG_SOURCES_H
#define OBSERVE_LOG_SOURCES_H

#include "base/slice.h"

/* A name that writes runs needs one for each level, and one for its share. */
#define LOG_SOURCES_MAX ((size_t)16384)
#define LOG_SOURCE_NAME_BYTES 64

/* Of a name for itself, not of an event. */
#define LOG_SHARES NULL

struct log_source {
    uint64_t key;
    uint64_t second;         /* of `lines` */
    uint64_t untold;         /* lines left out or lost, of which no line has told yet */
    uint64_t round;          /* of `bytes`; another one than now: there are none */
    size_t bytes;            /* of its lines in what waits for a reader */
    uint32_t lines;          /* in `second` */
    bool is_listed;          /* among those with something untold */
    const char *event;       /* static; LOG_SHARES */
    struct log_source *next; /* in its chain */
    struct log_source *next_untold;
    char name[LOG_SOURCE_NAME_BYTES]; /* ends with a NUL; a longer one is cut */
};

struct log_sources {
    size_t count; /* of `list` */
    size_t hand;  /* where to look on for a place */
    struct log_source *chains[LOG_SOURCES_MAX];
    struct log_source *dropped;  /* those of events with something untold */
    struct log_source *lost;     /* and shares */
    struct log_source others[2]; /* of events; the share */
    struct log_source list[LOG_SOURCES_MAX];
};

/*
 * The place of a source, its own or a new one. Where all are taken by those who wrote in this
 * second, have bytes of this round, or something untold, it is one that such sources share: its
 * name is `other`.
 */
struct log_source *log_sources_find(
    struct log_sources *sources,
    const char *event,
    unsigned level,
    struct slice name,
    uint64_t now_s,
    uint64_t round);

/* Puts one that was taken from its list into it again, if something of it is untold. */
void log_sources_relist(struct log_sources *sources, struct log_source *source);

/* Some more lines are untold. */
void log_sources_note(struct log_sources *sources, struct log_source *source, uint64_t lines);

#endif
