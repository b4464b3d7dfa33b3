/*
 * How durable commits go as documents become many: the store and bare LMDB with the same puts, side
 * by side at 1,000 documents, ten times as many, and so on.
 *
 *     bench_curve FOLDER [MOST [LEAST]]     from LEAST documents (1,000) up to MOST (10,000,000)
 *
 * Sixty-four clients insert one document each, and then the store is closed: its log may put work
 * off, so what counts is the time until LMDB has every document. Bare LMDB commits as many by 64 at
 * once. They take turns; the ratio is the median of the turns' ratios. One client inserts in turns
 * with bare commits of one document. Prints one JSON object a line, and to stderr how far it is.
 */
#include "commits.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LEAST = 1000,
    MOST = 10000000,
    LOAD_PART = 500000,
    TURNS = 5,
    SINGLES = 200, /* commits of one client */
    TURN_LEAST = 50 * CLIENTS,
    TURN_MOST = 1000 * CLIENTS,
};

struct turn {
    double store_per_s;
    double bare_per_s;
    double ratio;
};

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *figures, size_t count)
{
    qsort(figures, count, sizeof figures[0], by_size);
    return figures[count / 2];
}

static double seconds_since(uint64_t began_ns)
{
    return (double)(clock_monotonic_ns() - began_ns) / 1e9;
}

/* Documents a second, until LMDB has them all. */
static double store_rate(const char *folder, size_t documents)
{
    struct crowd crowd;
    crowd_open(&crowd, folder, true, 0);
    const uint64_t began = clock_monotonic_ns();
    crowd_drive(&crowd, CLIENTS, documents);
    crowd_close(&crowd);
    return (double)documents / seconds_since(began);
}

static double bare_rate(struct bare *bare, size_t documents)
{
    const uint64_t began = clock_monotonic_ns();
    for (size_t done = 0; done < documents; done += CLIENTS) {
        bare_commit(bare, CLIENTS);
    }
    return (double)documents / seconds_since(began);
}

static struct turn measure_crowd(struct bare *bare, const char *folder, size_t documents)
{
    double store[TURNS];
    double other[TURNS];
    double ratio[TURNS];
    for (size_t i = 0; i < TURNS; i++) {
        store[i] = store_rate(folder, documents);
        other[i] = bare_rate(bare, documents);
        ratio[i] = store[i] / other[i];
    }
    return (struct turn){median(store, TURNS), median(other, TURNS), median(ratio, TURNS)};
}

/* Microseconds of one client's commits, medians. */
static void measure_one(
    struct bare *bare, const char *folder, double *out_store_us, double *out_bare_us)
{
    double store[SINGLES];
    double other[SINGLES];
    struct crowd crowd;
    crowd_open(&crowd, folder, true, 0);
    for (size_t i = 0; i < SINGLES; i++) {
        uint64_t began = clock_monotonic_ns();
        crowd_drive(&crowd, 1, 1);
        store[i] = seconds_since(began) * 1e6;
        began = clock_monotonic_ns();
        bare_commit(bare, 1);
        other[i] = seconds_since(began) * 1e6;
    }
    crowd_close(&crowd);
    *out_store_us = median(store, SINGLES);
    *out_bare_us = median(other, SINGLES);
}

static void say(size_t documents, const char *what)
{
    (void)fprintf(stderr, "bench_curve: %zu documents: %s\n", documents, what);
}

/* Fills both, a part at a time. */
static void load(
    struct bare *bare, const char *bare_folder, const char *store_folder, size_t documents)
{
    struct crowd crowd;
    bare_open(bare, bare_folder, false, 0);
    crowd_open(&crowd, store_folder, true, 0);
    for (size_t done = 0; done < documents;) {
        const size_t some = documents - done < LOAD_PART ? documents - done : LOAD_PART;
        char what[64];
        (void)snprintf(what, sizeof what, "loading, %zu are there", done);
        say(documents, what);
        crowd_load(&crowd, some);
        bare_load(bare, some);
        done += some;
    }
    crowd_close(&crowd);
}

/* In folders of its own. */
static void measure_at(size_t documents)
{
    char store_folder[64];
    char bare_folder[64];
    (void)snprintf(store_folder, sizeof store_folder, "store-%zu", documents);
    (void)snprintf(bare_folder, sizeof bare_folder, "bare-%zu", documents);
    struct bare bare;
    load(&bare, bare_folder, store_folder, documents);
    double store_us = 0;
    double bare_us = 0;
    say(documents, "one client");
    measure_one(&bare, store_folder, &store_us, &bare_us);
    size_t each = documents / 10 / CLIENTS * CLIENTS;
    each = each < TURN_LEAST ? TURN_LEAST : each > TURN_MOST ? TURN_MOST : each;
    say(documents, "64 clients");
    const struct turn turn = measure_crowd(&bare, store_folder, each);
    bare_close(&bare);
    printf(
        "{\"name\": \"%zu\", \"documents\": %zu, \"inserted\": %zu, \"store_us\": %.1f, "
        "\"bare_us\": %.1f, \"store_per_s\": %.0f, \"bare_per_s\": %.0f, \"ratio\": %.3f}\n",
        documents, documents, each, store_us, bare_us, turn.store_per_s, turn.bare_per_s,
        turn.ratio);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    static const uint8_t seed[RANDOM_SEED_BYTES] = {1};
    if (argc < 2 || argc > 4) {
        (void)fprintf(stderr, "usage: bench_curve FOLDER [MOST [LEAST]]\n");
        return 2;
    }
    const size_t most = argc > 2 ? strtoul(argv[2], NULL, 10) : MOST;
    const size_t least = argc > 3 ? strtoul(argv[3], NULL, 10) : LEAST;
    char folder[] = "curve-XXXXXX";
    must(chdir(argv[1]) == 0, "entering the folder");
    must(mkdtemp(folder) != NULL && chdir(folder) == 0, "making a folder");
    commits_seed(seed);
    for (size_t documents = least; documents > 0 && documents <= most; documents *= 10) {
        measure_at(documents);
    }
    return 0;
}
