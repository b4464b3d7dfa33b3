/*
 * The first of a kind is told at once, those that follow within a minute together at its end. Whose
 * name comes from a client, a host's, has few places, so that inventing names costs no tenant its
 * own; what finds no place is told as of `other`.
 */
#include "http/refusals.h"

#include "base/hash.h"
#include "base/memory.h"
#include "http/request_headers.h"
#include "value/utf8.h"

#include <pthread.h>
#include <stdio.h>

enum {
    TENANTS_MAX = 4096,
    HOSTS_MAX = 64,
    TRIES = 16,
    NAME_BYTES = 64,
};

#define FOLD_NS ((uint64_t)60 * 1000000000)
#define LOOK_NS ((uint64_t)1000000000)

struct code {
    const char *name;
    bool is_of_host;
};

static const struct code codes[] = {
    {"BadAdminKey", false},    {"BadOperatorKey", false},  {"InvalidAuthHeader", false},
    {"NoAuthProvider", false}, {"Unauthenticated", false}, {"MisdirectedRequest", true},
};

#define CODE_COUNT (sizeof codes / sizeof codes[0])

/* Those of one tenant or host with one code. */
struct fold {
    uint64_t key; /* 0: the place is free */
    const struct code *code;
    uint64_t told_ns;
    uint64_t untold;
    char name[NAME_BYTES];
};

/* First those of tenants, then of hosts, then of what found no place, by its code. */
#define FIRST_HOST ((size_t)TENANTS_MAX)
#define FIRST_OTHER (FIRST_HOST + HOSTS_MAX)
#define FOLDS (FIRST_OTHER + CODE_COUNT)

struct refusals {
    struct log *log;
    struct counter *counters[CODE_COUNT];
    pthread_mutex_t lock; /* guards what follows */
    uint64_t due_ns;      /* when one is to be told; UINT64_MAX: none is */
    struct fold folds[FOLDS];
};

cordon_error *refusals_new(struct metrics *metrics, struct log *log, struct refusals **out_refusals)
{
    CORDON_CLEANUP(refusals_freep) struct refusals *refusals = MEM_NEW(struct refusals);
    if (refusals == NULL) {
        return error_no_memory();
    }
    refusals->log = log;
    refusals->due_ns = UINT64_MAX;
    (void)pthread_mutex_init(&refusals->lock, NULL);
    for (size_t i = 0; i < CODE_COUNT; i++) {
        char labels[64];
        (void)snprintf(labels, sizeof labels, "code=\"%s\"", codes[i].name);
        TRY(metrics_counter(
            metrics, "http_refused_total", labels,
            "Requests refused for their key, their token or their host.", &refusals->counters[i]));
    }
    *out_refusals = CORDON_TAKE(refusals);
    return NULL;
}

/* -- The log -------------------------------------------------------------------------------- */

/* Without the lock, as this may be a write to a slow reader. */
static void write_line(const struct refusals *refusals, const struct fold *told)
{
    const struct slice name = slice_str(told->name);
    const struct slice none = SLICE("");
    const struct slice tenant = told->code->is_of_host ? none : name;
    const struct log_field fields[] = {
        LOG_FIELD_STRING("tenant", tenant),
        LOG_FIELD_STRING("host", told->code->is_of_host ? name : none),
        LOG_FIELD_STRING("code", slice_str(told->code->name)),
        LOG_FIELD_NUMBER("requests", told->untold),
    };
    log_write_of(
        refusals->log, LOG_WARN, "requests_refused", tenant, fields,
        sizeof fields / sizeof fields[0]);
}

/* With the lock, as all up to refusals_tell(). What is told is in the copy. */
static struct fold take(struct fold *fold, uint64_t now_ns)
{
    const struct fold told = *fold;
    fold->untold = 0;
    fold->told_ns = now_ns;
    return told;
}

/* Of loops one may have read the clock before another that was told first. */
static bool is_over(const struct fold *fold, uint64_t now_ns)
{
    return fold->key == 0 || now_ns >= fold->told_ns + FOLD_NS;
}

/* At a whole second, so that many that are due one after the other are looked for together. */
static void expect(struct refusals *refusals, const struct fold *fold)
{
    const uint64_t later_ns = fold->told_ns + FOLD_NS + LOOK_NS - 1;
    const uint64_t due_ns = later_ns - later_ns % LOOK_NS;
    if (fold->untold > 0 && due_ns < refusals->due_ns) {
        refusals->due_ns = due_ns;
    }
}

/* The next one from `*at` on that is due. False: there is none, and when one will be is known. */
static bool take_due(struct refusals *refusals, size_t *at, uint64_t now_ns, struct fold *out_told)
{
    while (*at < FOLDS) {
        struct fold *const fold = &refusals->folds[(*at)++];
        if (fold->untold > 0 && is_over(fold, now_ns)) {
            *out_told = take(fold, now_ns);
            return true;
        }
        expect(refusals, fold);
    }
    return false;
}

void refusals_tell(struct refusals *refusals, uint64_t now_ns)
{
    struct fold told;
    size_t at = FOLDS;
    (void)pthread_mutex_lock(&refusals->lock);
    if (now_ns >= refusals->due_ns) {
        refusals->due_ns = UINT64_MAX;
        at = 0;
    }
    while (take_due(refusals, &at, now_ns, &told)) {
        (void)pthread_mutex_unlock(&refusals->lock);
        write_line(refusals, &told);
        (void)pthread_mutex_lock(&refusals->lock);
    }
    (void)pthread_mutex_unlock(&refusals->lock);
}

/* As if a minute were over. */
void refusals_free(struct refusals *refusals)
{
    if (refusals == NULL) {
        return;
    }
    refusals_tell(refusals, UINT64_MAX);
    (void)pthread_mutex_destroy(&refusals->lock);
    mem_free(refusals);
}

/* -- Folding -------------------------------------------------------------------------------- */

static const struct code *find_code(const struct http_refusal *refusal)
{
    for (size_t i = 0; i < CODE_COUNT; i++) {
        if (strcmp(codes[i].name, refusal->code) == 0) {
            return &codes[i];
        }
    }
    return NULL;
}

static struct fold *begin_fold(
    struct fold *fold, uint64_t key, const struct code *code, struct slice name)
{
    *fold = (struct fold){.key = key, .code = code};
    if (name.size > 0) {
        memcpy(fold->name, name.data, name.size);
    }
    return fold;
}

/* `*out_new`: nothing was told of it within a minute. */
static struct fold *find_fold(
    struct refusals *refusals,
    const struct code *code,
    struct slice name,
    uint64_t now_ns,
    bool *out_new)
{
    const uint64_t key = hash_fast(name, (uint64_t)(code - codes)) | 1;
    struct fold *const folds = &refusals->folds[code->is_of_host ? FIRST_HOST : 0];
    const size_t count = code->is_of_host ? HOSTS_MAX : TENANTS_MAX;
    struct fold *unused = NULL;
    for (size_t i = 0; i < TRIES; i++) {
        struct fold *const fold = &folds[(key / 2 + i) % count];
        const bool is_idle = is_over(fold, now_ns) && fold->untold == 0;
        if (fold->key == key) {
            *out_new = is_idle;
            return fold;
        }
        unused = unused == NULL && is_idle ? fold : unused;
    }
    if (unused != NULL) {
        *out_new = true;
        return begin_fold(unused, key, code, name);
    }
    struct fold *const other = &refusals->folds[FIRST_OTHER + (size_t)(code - codes)];
    *out_new = is_over(other, now_ns) && other->untold == 0;
    return other->key != 0 ? other : begin_fold(other, 1, code, SLICE("other"));
}

void refusals_note(
    struct refusals *refusals,
    const struct http_refusal *refusal,
    struct slice tenant,
    struct slice host,
    uint64_t now_ns)
{
    const struct code *const code = find_code(refusal);
    if (code == NULL) {
        return;
    }
    counter_add(refusals->counters[code - codes], 1);
    const struct slice of = code->is_of_host ? http_host_name(host) : tenant;
    struct fold told = {.key = 0};
    bool is_new = false;
    (void)pthread_mutex_lock(&refusals->lock);
    struct fold *const fold =
        find_fold(refusals, code, utf8_cut(of, NAME_BYTES - 1), now_ns, &is_new);
    fold->untold++;
    if (is_new) {
        told = take(fold, now_ns);
    }
    expect(refusals, fold);
    (void)pthread_mutex_unlock(&refusals->lock);
    if (is_new) {
        write_line(refusals, &told);
    }
}
