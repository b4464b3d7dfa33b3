/*
 * The check of an audit log; see chain.h.
 *
 * A checkpoint speaks of a record that is some way back. The hashes of records since the last
 * checkpoint are kept until then, in a ring of bounded size: one checkpoint a minute on the busiest
 * log is some million records.
 */
#include "audit/chain.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Hashes of records that a checkpoint may still speak of: 512 MiB of them. */
#define RECENT_MAX ((size_t)16 << 20)
#define RECENT_FIRST ((size_t)1024)

/* Checkpoints that somebody kept. */
#define EXPECTED_MAX ((size_t)1 << 20)

struct expected {
    struct audit_checkpoint checkpoint;
    bool is_met;
};

struct audit_chain {
    struct audit_verdict verdict;
    uint8_t previous[SHA256_BYTES]; /* the hash of the last record */
    uint8_t pruned[SHA256_BYTES];   /* of the one before the first, as that says */
    uint64_t first_covers;          /* what the first checkpoint speaks of, */
    uint64_t first_checkpoint_at;   /* and its record */

    struct audit_prune unsigned_prune; /* the last that no checkpoint has signed yet */
    uint64_t unsigned_at;              /* its record; 0: there is none */
    uint64_t unsigned_ts;

    uint8_t (*recent)[SHA256_BYTES]; /* of records from `recent_from` on */
    size_t recent_capacity;
    size_t recent_count;
    uint64_t recent_from;

    uint32_t tenant;  /* whose it must be; 0: of whom the first checkpoint says */
    uint64_t covered; /* up to there a checkpoint must speak for it, */
    bool has_next_key;
    uint8_t next_key[SIGN_PUBLIC_BYTES]; /* and have announced that key, if there is one */
    bool has_announced;
    bool is_trusting;
    uint8_t trusted[SIGN_PUBLIC_BYTES];
    struct audit_checkpoint last_checkpoint; /* if there were any */

    struct expected *expected; /* in order of what they cover, once that is sorted */
    bool is_sorted;
    uint64_t kept_pruned_to; /* what the last of those speaks of that were pruned */
    size_t expected_count;
    size_t expected_capacity;
};

cordon_error *audit_chain_new(struct audit_chain **out_chain)
{
    struct audit_chain *chain = MEM_NEW(struct audit_chain);
    if (chain == NULL) {
        return error_no_memory();
    }
    chain->verdict.is_good = true;
    chain->recent_from = 1;
    *out_chain = chain;
    return NULL;
}

void audit_chain_free(struct audit_chain *chain)
{
    if (chain != NULL) {
        mem_free(chain->recent);
        mem_free(chain->expected);
        mem_free(chain);
    }
}

void audit_chain_of(struct audit_chain *chain, uint32_t tenant)
{
    chain->tenant = tenant;
}

void audit_chain_reach(
    struct audit_chain *chain, uint64_t covered, const uint8_t next_key[SIGN_PUBLIC_BYTES])
{
    chain->covered = covered;
    chain->has_next_key = next_key != NULL;
    if (next_key != NULL) {
        memcpy(chain->next_key, next_key, SIGN_PUBLIC_BYTES);
    }
}

void audit_chain_trust(struct audit_chain *chain, const uint8_t key[SIGN_PUBLIC_BYTES])
{
    chain->is_trusting = true;
    memcpy(chain->trusted, key, SIGN_PUBLIC_BYTES);
}

/* Doubles an array that is full. */
static cordon_error *make_room(void **array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity) {
        return NULL;
    }
    const size_t wanted = *capacity == 0 ? RECENT_FIRST : 2 * *capacity;
    void *larger = mem_realloc(*array, wanted * size);
    if (larger == NULL) {
        return error_no_memory();
    }
    *array = larger;
    *capacity = wanted;
    return NULL;
}

cordon_error *audit_chain_expect(struct audit_chain *chain, struct slice line, bool *out_is_whole)
{
    struct expected expected = {0};
    TRY(audit_checkpoint_read(line, out_is_whole, &expected.checkpoint));
    if (!*out_is_whole) {
        return NULL;
    }
    if (chain->expected_count == EXPECTED_MAX) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "more checkpoints than %zu; give the newest of them alone",
            EXPECTED_MAX);
    }
    void *array = chain->expected;
    TRY(make_room(
        &array, &chain->expected_capacity, chain->expected_count, sizeof *chain->expected));
    chain->expected = array;
    chain->expected[chain->expected_count++] = expected;
    chain->is_sorted = false;
    return NULL;
}

size_t audit_chain_expected(const struct audit_chain *chain)
{
    return chain->expected_count;
}

static int compare_expected(const void *a, const void *b)
{
    const uint64_t covers_a = ((const struct expected *)a)->checkpoint.covers;
    const uint64_t covers_b = ((const struct expected *)b)->checkpoint.covers;
    return (covers_a > covers_b) - (covers_a < covers_b);
}

/* Each checkpoint of the log is looked for: a year has half a million. */
static void sort_expected(struct audit_chain *chain)
{
    if (!chain->is_sorted && chain->expected_count > 0) {
        qsort(chain->expected, chain->expected_count, sizeof *chain->expected, compare_expected);
    }
    chain->is_sorted = true;
}

/* The first of those that cover `sequence` or more. */
static size_t find_expected(const struct audit_chain *chain, uint64_t sequence)
{
    size_t low = 0;
    size_t high = chain->expected_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (chain->expected[middle].checkpoint.covers < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* -- Faults ---------------------------------------------------------------------------------- */

#define TAKEN_OUT "it is missing: records were taken out"

static void fault(struct audit_chain *chain, uint64_t sequence, const char *what)
{
    if (chain->verdict.is_good) {
        chain->verdict.is_good = false;
        chain->verdict.fault_at = sequence;
        chain->verdict.fault = what;
    }
}

void audit_chain_add_malformed(struct audit_chain *chain)
{
    fault(chain, chain->verdict.last + 1, "it is no audit record; the text was changed or cut");
}

void audit_chain_add_damaged(struct audit_chain *chain, uint64_t sequence)
{
    if (chain->verdict.first > 0 && sequence > chain->verdict.last + 1) {
        fault(chain, chain->verdict.last + 1, TAKEN_OUT);
        return;
    }
    fault(
        chain, sequence, /* if it is the first of all, those before it may have been pruned */
        "it can't be read: its row in the data file was changed or is damaged; `cordon verify` "
        "tells what else is");
}

/* -- One record ------------------------------------------------------------------------------ */

/* The log begins with this record. What was before it, if anything, another has to tell. */
static void begin(struct audit_chain *chain, const struct audit_record *record)
{
    chain->verdict.first = record->sequence;
    if (record->sequence > 1) {
        chain->verdict.last = record->sequence - 1;
        chain->recent_from = record->sequence;
        memcpy(chain->pruned, record->previous, sizeof chain->pruned);
        memcpy(chain->previous, record->previous, sizeof chain->previous);
    }
}

static bool is_pruned(const struct audit_chain *chain)
{
    return chain->verdict.first > 1;
}

static const char *fault_of_record(
    const struct audit_chain *chain, const struct audit_record *record)
{
    const struct audit_verdict *verdict = &chain->verdict;
    uint8_t hash[SHA256_BYTES];
    if (record->sequence > verdict->last + 1) {
        return TAKEN_OUT;
    }
    if (record->sequence < verdict->first) {
        return "it is missing where the log begins, and comes later: records were put in another "
               "order";
    }
    if (record->sequence <= verdict->last) {
        return "it stands there twice, or out of its place";
    }
    if (record->ts <= verdict->last_ts) {
        return "it is not later than the one before: records were put in another order";
    }
    if (memcmp(record->previous, chain->previous, sizeof chain->previous) != 0) {
        return "it does not follow the one before: one of the two was changed";
    }
    audit_record_hash(record, hash);
    if (memcmp(record->hash, hash, sizeof hash) != 0) {
        return "it was changed: it is not what its hash says";
    }
    return NULL;
}

static cordon_error *remember(struct audit_chain *chain, const struct audit_record *record)
{
    if (chain->recent_count == RECENT_MAX) { /* no checkpoint speaks of so old a record any more */
        const size_t half = RECENT_MAX / 2;
        memmove(chain->recent, chain->recent[half], half * SHA256_BYTES);
        chain->recent_count -= half;
        chain->recent_from += half;
    }
    void *array = chain->recent;
    TRY(make_room(&array, &chain->recent_capacity, chain->recent_count, SHA256_BYTES));
    chain->recent = array;
    memcpy(chain->recent[chain->recent_count++], record->hash, SHA256_BYTES);
    return NULL;
}

/* Records up to `sequence` will not be spoken of again. */
static void forget(struct audit_chain *chain, uint64_t sequence)
{
    if (sequence >= chain->recent_from) {
        const size_t gone = (size_t)(sequence - chain->recent_from) + 1;
        CORDON_ASSERT(gone <= chain->recent_count);
        memmove(chain->recent, chain->recent[gone], (chain->recent_count - gone) * SHA256_BYTES);
        chain->recent_count -= gone;
        chain->recent_from += gone;
    }
}

/* -- Prunes ---------------------------------------------------------------------------------- */

/* It says nothing until it is signed: nothing is removed by it before that. */
static cordon_error *add_prune(struct audit_chain *chain, const struct audit_record *record)
{
    struct audit_prune prune = {0};
    bool is_whole = false;
    TRY(audit_prune_read(record->body, &is_whole, &prune));
    if (!is_whole || prune.before < 2 || prune.before > record->sequence) {
        fault(chain, record->sequence, "it is no whole record of a prune");
        return NULL;
    }
    chain->unsigned_at = record->sequence;
    chain->unsigned_ts = record->ts;
    chain->unsigned_prune = prune;
    return NULL;
}

/* The last one counts: it knows of those before. */
static void sign_prune(struct audit_chain *chain)
{
    if (chain->unsigned_at > 0 && chain->unsigned_at <= chain->verdict.signed_to) {
        chain->verdict.pruned_at = chain->unsigned_at;
        chain->verdict.pruned_ts = chain->unsigned_ts;
        chain->verdict.prune = chain->unsigned_prune;
        chain->unsigned_at = 0;
    }
}

/* -- Checkpoints ----------------------------------------------------------------------------- */

/* Of whom the log is: what it says itself counts only where nobody has said whose it must be. */
static uint32_t owner_of(const struct audit_chain *chain)
{
    return chain->tenant != 0               ? chain->tenant
           : chain->verdict.checkpoints > 0 ? chain->last_checkpoint.tenant
                                            : 0;
}

/* A server that found no secret: a folder from a backup has none. */
static bool begins_anew(const struct audit_chain *chain, const struct audit_checkpoint *checkpoint)
{
    return chain->verdict.checkpoints > 0 && checkpoint->epoch == 0;
}

static const char *fault_of_first(
    const struct audit_chain *chain, const struct audit_checkpoint *checkpoint)
{
    if (checkpoint->epoch != 0 && !is_pruned(chain)) {
        return "it is the first checkpoint here, but earlier ones were made";
    }
    if (!chain->is_trusting || memcmp(checkpoint->key, chain->trusted, SIGN_PUBLIC_BYTES) == 0) {
        return NULL;
    }
    return is_pruned(chain) ? "the key of the first checkpoint that is left is not the one that "
                              "was to be: those before it were pruned"
                            : "the key of the first checkpoint is not the one that was to be";
}

/* Of another tenant than all before, or than it must be; also where keys begin anew. */
static bool is_of_another(
    const struct audit_chain *chain, const struct audit_checkpoint *checkpoint)
{
    const uint32_t owner = owner_of(chain);
    return owner != 0 && checkpoint->tenant != owner;
}

static const char *fault_of_keys(
    const struct audit_chain *chain, const struct audit_checkpoint *checkpoint)
{
    const struct audit_checkpoint *last = &chain->last_checkpoint;
    if (!audit_checkpoint_is_signed(checkpoint)) {
        return "its signature is not that of its key";
    }
    if (is_of_another(chain, checkpoint)) {
        return "it is a checkpoint of another tenant's log";
    }
    if (chain->verdict.checkpoints == 0) {
        return fault_of_first(chain, checkpoint);
    }
    if (begins_anew(chain, checkpoint)) {
        return chain->is_trusting ? "keys begin anew here, which the one that was to be did not "
                                    "announce"
                                  : NULL;
    }
    if (checkpoint->epoch != last->epoch + 1 ||
        memcmp(checkpoint->key, last->next_key, SIGN_PUBLIC_BYTES) != 0) {
        return "its key is not the one that the checkpoint before announced";
    }
    return memcmp(checkpoint->cluster, last->cluster, AUDIT_CLUSTER_BYTES) != 0
               ? "it is a checkpoint of another log"
               : NULL;
}

static const char *fault_of_checkpoint(
    const struct audit_chain *chain,
    const struct audit_checkpoint *checkpoint,
    const struct audit_record *record)
{
    const char *what = fault_of_keys(chain, checkpoint);
    if (what != NULL) {
        return what;
    }
    if (is_pruned(chain) && checkpoint->covers + 1 == chain->verdict.first) {
        return memcmp(chain->pruned, checkpoint->hash, SHA256_BYTES) != 0
                   ? "the log does not begin with what follows this checkpoint"
                   : NULL;
    }
    if (checkpoint->covers < chain->recent_from || checkpoint->covers >= record->sequence) {
        return "it is a checkpoint of a record that it can't speak of";
    }
    const size_t at = (size_t)(checkpoint->covers - chain->recent_from);
    return memcmp(chain->recent[at], checkpoint->hash, SHA256_BYTES) != 0
               ? "records before it were changed: they are not what this checkpoint signed"
               : NULL;
}

static bool is_same(const struct audit_checkpoint *a, const struct audit_checkpoint *b)
{
    return a->epoch == b->epoch && a->tenant == b->tenant && a->covers == b->covers &&
           memcmp(a->hash, b->hash, sizeof a->hash) == 0 &&
           memcmp(a->key, b->key, sizeof a->key) == 0 &&
           memcmp(a->signature, b->signature, sizeof a->signature) == 0;
}

/* Checkpoints that were kept elsewhere and are this one. */
static void meet(struct audit_chain *chain, const struct audit_checkpoint *checkpoint)
{
    sort_expected(chain);
    for (size_t i = find_expected(chain, checkpoint->covers); i < chain->expected_count; i++) {
        struct expected *expected = &chain->expected[i];
        if (expected->checkpoint.covers != checkpoint->covers) {
            break;
        }
        if (!expected->is_met && is_same(&expected->checkpoint, checkpoint)) {
            expected->is_met = true;
            chain->verdict.kept++;
            chain->verdict.kept_to = checkpoint->covers;
        }
    }
}

static cordon_error *add_checkpoint(struct audit_chain *chain, const struct audit_record *record)
{
    struct audit_checkpoint checkpoint = {0};
    bool is_whole = false;
    TRY(audit_checkpoint_read(record->body, &is_whole, &checkpoint));
    const char *what =
        is_whole ? fault_of_checkpoint(chain, &checkpoint, record) : "it is no whole checkpoint";
    if (what != NULL) {
        fault(chain, record->sequence, what);
        return NULL;
    }
    struct audit_verdict *verdict = &chain->verdict;
    if (begins_anew(chain, &checkpoint)) {
        verdict->anew++;
        verdict->anew_at = record->sequence;
        verdict->anew_ts = record->ts;
    }
    if (verdict->checkpoints++ == 0) {
        chain->first_covers = checkpoint.covers;
        chain->first_checkpoint_at = record->sequence;
        verdict->has_key = true;
        memcpy(verdict->key, checkpoint.key, SIGN_PUBLIC_BYTES);
        verdict->is_key_trusted = chain->is_trusting;
    }
    verdict->signed_to = checkpoint.covers;
    verdict->signed_ts = record->ts;
    sign_prune(chain);
    chain->has_announced =
        chain->has_announced ||
        (checkpoint.covers == chain->covered &&
         memcmp(checkpoint.next_key, chain->next_key, sizeof chain->next_key) == 0);
    chain->last_checkpoint = checkpoint;
    meet(chain, &checkpoint);
    forget(chain, checkpoint.covers);
    return NULL;
}

/* -- The beginning --------------------------------------------------------------------------- */

/*
 * Why the log may not begin where it does. A prune leaves the checkpoint that signs the cut, which
 * is older than its own record; and a checkpoint signs that. One that was stopped has left more
 * records than it says.
 */
static const char *fault_of_beginning(const struct audit_chain *chain)
{
    const struct audit_verdict *const verdict = &chain->verdict;
    const struct audit_prune *const prune = &verdict->prune;
    if (verdict->pruned_at == 0) {
        return "it is missing: records were taken out, and no signed record says that they were "
               "pruned";
    }
    if (verdict->first > prune->before) {
        return "it is missing: more records were taken out than the last prune says";
    }
    if (verdict->first == prune->before && (memcmp(prune->hash, chain->pruned, SHA256_BYTES) != 0 ||
                                            chain->first_covers + 1 != prune->before ||
                                            chain->first_checkpoint_at > verdict->pruned_at)) {
        return "it is missing: it was pruned, but the log does not go on where the prune says that "
               "it does";
    }
    return NULL;
}

static void check_beginning(struct audit_chain *chain)
{
    const char *what = is_pruned(chain) ? fault_of_beginning(chain) : NULL;
    if (what != NULL) {
        fault(chain, 1, what);
    }
}

void audit_chain_cut(
    const struct audit_chain *chain, uint64_t *out_before, uint8_t out_hash[SHA256_BYTES])
{
    const bool has_one = chain->verdict.checkpoints > 0;
    *out_before = has_one ? chain->last_checkpoint.covers + 1 : 1;
    memcpy(out_hash, chain->last_checkpoint.hash, SHA256_BYTES);
}

/* -- All records ----------------------------------------------------------------------------- */

cordon_error *audit_chain_add(struct audit_chain *chain, const struct audit_record *record)
{
    struct audit_verdict *verdict = &chain->verdict;
    if (!verdict->is_good) {
        return NULL;
    }
    if (verdict->first == 0) {
        begin(chain, record);
    }
    const char *what = fault_of_record(chain, record);
    if (what != NULL) {
        const bool is_earlier = record->sequence < verdict->first;
        fault(chain, is_earlier ? record->sequence : verdict->last + 1, what);
        return NULL;
    }
    TRY(remember(chain, record));
    if (audit_is_checkpoint(record->body)) {
        TRY(add_checkpoint(chain, record));
    } else if (audit_is_prune(record->body)) {
        TRY(add_prune(chain, record));
    }
    if (verdict->is_good) {
        verdict->records++;
        verdict->last = record->sequence;
        verdict->last_ts = record->ts;
        memcpy(chain->previous, record->hash, sizeof chain->previous);
    }
    return NULL;
}

/* -- The end --------------------------------------------------------------------------------- */

static void look_for_the_unmet(struct audit_chain *chain)
{
    sort_expected(chain); /* the first of them is told */
    for (size_t i = 0; i < chain->expected_count; i++) {
        const struct audit_checkpoint *checkpoint = &chain->expected[i].checkpoint;
        if (chain->verdict.tenant != 0 && checkpoint->tenant != chain->verdict.tenant) {
            chain->verdict.kept_others++;
            continue;
        }
        if (chain->expected[i].is_met) {
            continue;
        }
        if (is_pruned(chain) && checkpoint->covers < chain->verdict.first - 1) {
            chain->verdict.kept_pruned++;
            chain->kept_pruned_to = checkpoint->covers;
            continue;
        }
        fault(
            chain, checkpoint->covers,
            checkpoint->covers >= chain->verdict.last
                ? "a checkpoint that was kept speaks of it, and that checkpoint is not there: the "
                  "log was cut, or brought back to an earlier state"
                : "a checkpoint that was kept speaks of it, and is not in this log: the log was "
                  "made anew, or is another one");
    }
}

/* Where all that was kept speaks of what was pruned, nothing ties it to what is left. */
static void look_for_a_tie(struct audit_chain *chain)
{
    if (chain->verdict.kept_pruned > 0 && chain->verdict.kept == 0) {
        fault(
            chain, chain->kept_pruned_to,
            "the last checkpoint that was kept speaks of it, and it was pruned: nothing that was "
            "kept speaks of what is left; keep the checkpoints that came later, too");
    }
}

/* The secret is replaced once its checkpoint is in the log, so it never knows of more. */
static void look_for_the_covered(struct audit_chain *chain)
{
    if (chain->verdict.signed_to < chain->covered) {
        fault(
            chain, chain->covered,
            "the folder's own secret has signed up to there, and that checkpoint is not in the "
            "log: it was cut, or brought back to an earlier state");
    } else if (chain->covered > 0 && chain->has_next_key && !chain->has_announced) {
        fault(
            chain, chain->covered,
            "the folder's own secret has signed up to there, and no checkpoint of it announced "
            "that secret's key: the secret was exchanged, or the log was made anew");
    }
}

struct audit_verdict audit_chain_end(struct audit_chain *chain)
{
    chain->verdict.tenant = owner_of(chain);
    check_beginning(chain);
    look_for_the_unmet(chain);
    look_for_a_tie(chain);
    look_for_the_covered(chain);
    if (chain->is_trusting && !chain->verdict.has_key) {
        fault(
            chain, chain->verdict.last,
            "up to there no checkpoint is signed by the key that was to be");
    }
    return chain->verdict;
}
