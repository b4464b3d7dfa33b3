/*
 * A table of sources: chains of places, in one block that is never moved and whose pages nobody
 * touches before they are needed. See log_sources.h.
 */
#include "observe/log_sources.h"

#include "base/hash.h"
#include "value/utf8.h"

/* How many places are looked at for one that may be reused. */
#define TRIES 64

static struct log_source **chain_of(struct log_sources *sources, uint64_t key)
{
    return &sources->chains[key % LOG_SOURCES_MAX];
}

static bool is_idle(const struct log_source *source, uint64_t now_s, uint64_t round)
{
    const bool has_bytes = source->bytes > 0 && source->round == round;
    return source->second < now_s && source->untold == 0 && !source->is_listed && !has_bytes;
}

/* A place that is nobody's; NULL: there is none. */
static struct log_source *take_place(struct log_sources *sources, uint64_t now_s, uint64_t round)
{
    if (sources->count < LOG_SOURCES_MAX) {
        return &sources->list[sources->count++];
    }
    for (size_t i = 0; i < TRIES; i++) {
        struct log_source *const source = &sources->list[sources->hand++ % LOG_SOURCES_MAX];
        if (is_idle(source, now_s, round)) {
            struct log_source **link = chain_of(sources, source->key);
            while (*link != source) {
                link = &(*link)->next;
            }
            *link = source->next;
            return source;
        }
    }
    return NULL;
}

static void set_name(struct log_source *source, struct slice name)
{
    if (name.size > 0) {
        memcpy(source->name, name.data, name.size);
    }
    source->name[name.size] = '\0';
}

/* What those without a place share. */
static struct log_source *find_other(struct log_sources *sources, const char *event)
{
    struct log_source *const other = &sources->others[event == LOG_SHARES ? 1 : 0];
    other->event = event == LOG_SHARES ? LOG_SHARES : "other";
    set_name(other, SLICE("other"));
    return other;
}

struct log_source *log_sources_find(
    struct log_sources *sources,
    const char *event,
    unsigned level,
    struct slice name,
    uint64_t now_s,
    uint64_t round)
{
    const struct slice shown = utf8_cut(name, LOG_SOURCE_NAME_BYTES - 1);
    const uint64_t kind = event == LOG_SHARES ? 0 : hash_fast(slice_str(event), level + 1);
    const uint64_t key = hash_fast(shown, kind);
    for (struct log_source *at = *chain_of(sources, key); at != NULL; at = at->next) {
        if (at->key == key) {
            return at;
        }
    }
    struct log_source *const source = take_place(sources, now_s, round);
    if (source == NULL) {
        return find_other(sources, event);
    }
    *source = (struct log_source){
        .key = key, .second = now_s, .event = event, .next = *chain_of(sources, key)};
    set_name(source, shown);
    *chain_of(sources, key) = source;
    return source;
}

void log_sources_relist(struct log_sources *sources, struct log_source *source)
{
    if (source->is_listed || source->untold == 0) {
        return;
    }
    struct log_source **const list =
        source->event == LOG_SHARES ? &sources->lost : &sources->dropped;
    source->is_listed = true;
    source->next_untold = *list;
    *list = source;
}

void log_sources_note(struct log_sources *sources, struct log_source *source, uint64_t lines)
{
    source->untold += lines;
    log_sources_relist(sources, source);
}
