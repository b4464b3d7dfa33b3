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

struct refusals {
    struct log *log;
    struct counter *counters[CODE_COUNT];
    pthread_mutex_t lock; /* guards what follows */
    uint64_t looked_ns;
    bool has_untold;
    struct fold others[CODE_COUNT];
    struct fold hosts[HOSTS_MAX];
    struct fold tenants[TENANTS_MAX];
};

cordon_error *refusals_new(struct metrics *metrics, struct log *log, struct refusals **out_refusals)
{
    CORDON_CLEANUP(refusals_freep) struct refusals *refusals = MEM_NEW(struct refusals);
    if (refusals == NULL) {
        return error_no_memory();
    }
    refusals->log = log;
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

/* With the lock, as all below. */
static void tell(struct refusals *refusals, struct fold *fold, uint64_t now_ns)
{
    const struct slice name = slice_str(fold->name);
    const struct slice none = SLICE("");
    const struct slice tenant = fold->code->is_of_host ? none : name;
    const struct log_field fields[] = {
        LOG_FIELD_STRING("tenant", tenant),
        LOG_FIELD_STRING("host", fold->code->is_of_host ? name : none),
        LOG_FIELD_STRING("code", slice_str(fold->code->name)),
        LOG_FIELD_NUMBER("requests", fold->untold),
    };
    log_write_of(
        refusals->log, LOG_WARN, "requests_refused", tenant, fields,
        sizeof fields / sizeof fields[0]);
    fold->untold = 0;
    fold->told_ns = now_ns;
}

/* Of loops one may have read the clock before another that was told first. */
static bool is_over(const struct fold *fold, uint64_t now_ns)
{
    return fold->key == 0 || now_ns >= fold->told_ns + FOLD_NS;
}

/* Of some folds; whether any has something left. */
static bool tell_due(struct refusals *refusals, struct fold *folds, size_t count, uint64_t now_ns)
{
    bool has_untold = false;
    for (size_t i = 0; i < count; i++) {
        if (folds[i].untold > 0 && is_over(&folds[i], now_ns)) {
            tell(refusals, &folds[i], now_ns);
        }
        has_untold = has_untold || folds[i].untold > 0;
    }
    return has_untold;
}

static void tell_all_due(struct refusals *refusals, uint64_t now_ns)
{
    const bool hosts = tell_due(refusals, refusals->hosts, HOSTS_MAX, now_ns);
    const bool tenants = tell_due(refusals, refusals->tenants, TENANTS_MAX, now_ns);
    const bool others = tell_due(refusals, refusals->others, CODE_COUNT, now_ns);
    refusals->has_untold = hosts || tenants || others;
    refusals->looked_ns = now_ns;
}

void refusals_tell(struct refusals *refusals, uint64_t now_ns)
{
    (void)pthread_mutex_lock(&refusals->lock);
    if (refusals->has_untold && now_ns - refusals->looked_ns >= LOOK_NS) {
        tell_all_due(refusals, now_ns);
    }
    (void)pthread_mutex_unlock(&refusals->lock);
}

/* As if a minute were over. */
void refusals_free(struct refusals *refusals)
{
    if (refusals == NULL) {
        return;
    }
    tell_all_due(refusals, UINT64_MAX);
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
    struct fold *const folds = code->is_of_host ? refusals->hosts : refusals->tenants;
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
    struct fold *const other = &refusals->others[code - codes];
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
    bool is_new = false;
    (void)pthread_mutex_lock(&refusals->lock);
    struct fold *const fold =
        find_fold(refusals, code, utf8_cut(of, NAME_BYTES - 1), now_ns, &is_new);
    fold->untold++;
    if (is_new) {
        tell(refusals, fold, now_ns);
    }
    refusals->has_untold = refusals->has_untold || fold->untold > 0;
    (void)pthread_mutex_unlock(&refusals->lock);
}
