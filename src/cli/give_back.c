/*
 * The thread looks every ten seconds. What the heap does not use is given back once more is
 * resident than stayed the last time, or more is unused, and it grows no more: in the middle of a
 * burst it would be taken again at once.
 */
#include "cli/give_back.h"

#include <malloc.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/*
 * Blocks from this size on are mapped and go at once; so much may stay at the end of each of the
 * heap's arenas, which nothing gives back later. Loops and compute threads have one arena each, as
 * many as there are processors, and all others the rest.
 */
enum {
    OWN_MAPPING_FROM_BYTES = 256 << 10,
    KEPT_BYTES_MAX = 128 << 10,
    TAKEN_BYTES = 64 << 10, /* more than is needed, when an arena grows */
    ARENAS_FOR_OTHERS = 2,
};

/* How often memory is looked at, and the growth that is worth the work. */
enum { LOOK_S = 10, GROWTH_BYTES = 1 << 20 };

void give_back_configure(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, OWN_MAPPING_FROM_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES_MAX);
    (void)mallopt(M_TOP_PAD, TAKEN_BYTES);
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    (void)mallopt(M_ARENA_MAX, (processors > 0 ? (int)processors : 1) * 2 + ARENAS_FOR_OTHERS);
}

/* Memory of this process that is no file's, in bytes; 0 if that can't be seen. */
static uint64_t count_resident(void)
{
    unsigned long long resident = 0;
    unsigned long long shared = 0;
    FILE *const file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    /* Two numbers of the kernel's. NOLINTNEXTLINE(cert-err34-c) */
    const int read = fscanf(file, "%*u %llu %llu", &resident, &shared);
    (void)fclose(file);
    return read == 2 && resident > shared ? (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE)
                                          : 0;
}

/* Waits for the next look; false: there is none. */
static bool wait_for_look(struct give_back *give_back)
{
    struct timespec until = {0};
    int failed = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_S;
    (void)pthread_mutex_lock(&give_back->lock);
    while (!give_back->ends && failed == 0) { /* ETIMEDOUT ends it */
        failed = pthread_cond_timedwait(&give_back->changed, &give_back->lock, &until);
    }
    const bool ends = give_back->ends;
    (void)pthread_mutex_unlock(&give_back->lock);
    return !ends;
}

/* What is resident, and what the heap holds that nobody uses: resident, or given back before. */
struct look {
    uint64_t resident;
    uint64_t unused;
};

static struct look look(void)
{
    return (struct look){.resident = count_resident(), .unused = mallinfo2().fordblks};
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void *look_now_and_then(void *arg)
{
    struct give_back *give_back = arg;
    struct look last = look();
    struct look stayed = last; /* when memory was given back, or less */
    while (wait_for_look(give_back)) {
        cordon_error_free(cordon_runtime_trim(give_back->runtime, NULL)); /* or the next time */
        struct look now = look();
        const bool is_more = now.resident > stayed.resident + GROWTH_BYTES ||
                             now.unused > stayed.unused + GROWTH_BYTES;
        if (is_more && now.resident <= last.resident + GROWTH_BYTES) {
            (void)malloc_trim(0);
            now = look();
            stayed = now;
        }
        stayed.resident = least(stayed.resident, now.resident);
        stayed.unused = least(stayed.unused, now.unused);
        last = now;
    }
    return NULL;
}

void give_back_start(struct give_back *give_back)
{
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&give_back->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&give_back->lock, NULL);
    give_back->has_thread =
        pthread_create(&give_back->thread, NULL, look_now_and_then, give_back) == 0;
}

void give_back_end(struct give_back *give_back)
{
    if (give_back->has_thread) {
        (void)pthread_mutex_lock(&give_back->lock);
        give_back->ends = true;
        (void)pthread_cond_signal(&give_back->changed);
        (void)pthread_mutex_unlock(&give_back->lock);
        (void)pthread_join(give_back->thread, NULL);
    }
    (void)pthread_mutex_destroy(&give_back->lock);
    (void)pthread_cond_destroy(&give_back->changed);
}
