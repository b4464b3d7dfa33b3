/* A handful of entries behind one lock: they are compared one after the other. */
#include "run/trace_cache.h"

#include "run/frames.h"

void trace_cache_init(struct trace_cache *cache)
{
    *cache = (struct trace_cache){.purse_ns = TRACE_PURSE_NS};
    (void)pthread_mutex_init(&cache->lock, NULL);
}

void trace_cache_done(struct trace_cache *cache)
{
    for (size_t i = 0; i < TRACE_CACHE_ENTRIES; i++) {
        arena_done(&cache->entries[i].arena);
    }
    (void)pthread_mutex_destroy(&cache->lock);
}

struct trace_key trace_key_of(
    const struct outcome *outcome, const uint8_t module_hash[SHA256_BYTES])
{
    struct {
        uint64_t offset;
        uint64_t function;
    } places[OUTCOME_FRAMES_MAX];
    CORDON_ASSERT(outcome->frame_count <= OUTCOME_FRAMES_MAX);
    for (size_t i = 0; i < outcome->frame_count; i++) {
        places[i].offset = outcome->frames[i].module_offset;
        places[i].function = outcome->frames[i].function_index;
    }
    const struct slice parts[] = {
        slice_of(module_hash, SHA256_BYTES),
        slice_of(places, outcome->frame_count * sizeof places[0]),
    };
    struct trace_key key = {.hash = {0}};
    hash_sha256(parts, sizeof parts / sizeof parts[0], key.hash);
    return key;
}

/* The entry of that key, or NULL. */
static struct trace_entry *find(struct trace_cache *cache, const struct trace_key *key)
{
    for (size_t i = 0; i < TRACE_CACHE_ENTRIES; i++) {
        struct trace_entry *entry = &cache->entries[i];
        if (entry->frames != NULL && memcmp(entry->key.hash, key->hash, SHA256_BYTES) == 0) {
            entry->used = ++cache->uses;
            return entry;
        }
    }
    return NULL;
}

bool trace_cache_get(
    struct trace_cache *cache, const struct trace_key *key, struct outcome *outcome)
{
    (void)pthread_mutex_lock(&cache->lock);
    const struct trace_entry *entry = find(cache, key);
    const bool has = entry != NULL &&
                     frames_clone(&outcome->arena, entry->frames, entry->count, &outcome->frames);
    if (has) {
        outcome->frame_count = entry->count;
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return has;
}

/* A free one, or the one that was not used for the longest time, made empty. */
static struct trace_entry *make_room(struct trace_cache *cache)
{
    struct trace_entry *oldest = &cache->entries[0];
    for (size_t i = 1; i < TRACE_CACHE_ENTRIES; i++) {
        if (cache->entries[i].used < oldest->used) {
            oldest = &cache->entries[i];
        }
    }
    arena_done(&oldest->arena);
    *oldest = (struct trace_entry){.used = 0};
    arena_init(&oldest->arena, TRACE_CACHE_ENTRY_BYTES);
    return oldest;
}

void trace_cache_put(
    struct trace_cache *cache, const struct trace_key *key, const struct outcome *outcome)
{
    (void)pthread_mutex_lock(&cache->lock);
    if (find(cache, key) == NULL) { /* another run failed there meanwhile, maybe */
        struct trace_entry *entry = make_room(cache);
        if (frames_clone(&entry->arena, outcome->frames, outcome->frame_count, &entry->frames)) {
            entry->key = *key;
            entry->count = outcome->frame_count;
            entry->used = ++cache->uses;
        }
    }
    (void)pthread_mutex_unlock(&cache->lock);
}

bool trace_cache_has_time(struct trace_cache *cache, uint64_t now_ns)
{
    (void)pthread_mutex_lock(&cache->lock);
    const uint64_t added = (now_ns - cache->filled_ns) / TRACE_PURSE_SHARE;
    const uint64_t room = TRACE_PURSE_NS - cache->purse_ns;
    cache->purse_ns += added < room ? added : room;
    cache->filled_ns = now_ns;
    const bool has_time = cache->purse_ns > 0;
    (void)pthread_mutex_unlock(&cache->lock);
    return has_time;
}

void trace_cache_spend(struct trace_cache *cache, uint64_t cpu_ns)
{
    (void)pthread_mutex_lock(&cache->lock);
    cache->purse_ns -= cpu_ns < cache->purse_ns ? cpu_ns : cache->purse_ns;
    (void)pthread_mutex_unlock(&cache->lock);
}
