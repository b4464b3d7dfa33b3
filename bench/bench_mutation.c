/*
 * What a durable mutation costs in-process, from its call to its outcome: the function in
 * WebAssembly with every check on, its document and audit record, and the disk. In turns with the
 * least that the same disk does for as many bytes, as it changes its mind within seconds.
 *
 *     bench_mutation DOCUMENTS.wasm FOLDER [COUNT]     COUNT documents (default 100,000) are there
 *
 * The module is bench/guests/documents.wat. Prints one JSON object a line; the ratio is the median
 * of the turns' ratios.
 */
#include "append.h"
#include "inside.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    DOCUMENTS = 100000,
    FILL = 4000, /* of one mutation */
    TURNS = 9,
    EACH = 200,         /* of both in a turn, one after the other */
    RECORD_BYTES = 700, /* of such a mutation in the log */
};

struct turn {
    double append_us; /* medians */
    double mutation_us;
    double mutation_p99_us;
    double ratio;
};

static void fill(const struct inside *inside, size_t documents)
{
    for (size_t done = 0; done < documents;) {
        char args[64];
        const size_t some = documents - done < FILL ? documents - done : FILL;
        (void)snprintf(args, sizeof args, "{\"n\":%zu}", some);
        (void)inside_run(inside, "documents:fill", args, NULL);
        done += some;
    }
}

static struct turn measure_turn(const struct inside *inside, struct append *append)
{
    double appends[EACH];
    double mutations[EACH];
    for (size_t i = 0; i < EACH; i++) {
        const uint64_t began_ns = clock_monotonic_ns();
        append_once(append, RECORD_BYTES);
        appends[i] = (double)(clock_monotonic_ns() - began_ns) / 1000;
        mutations[i] = inside_run(inside, "documents:fill", "{\"n\":1}", NULL).ns / 1000;
    }
    sort_figures(appends, EACH);
    sort_figures(mutations, EACH);
    return (struct turn){
        .append_us = appends[EACH / 2],
        .mutation_us = mutations[EACH / 2],
        .mutation_p99_us = mutations[EACH * 99 / 100],
        .ratio = mutations[EACH / 2] / appends[EACH / 2],
    };
}

static void measure(const struct inside *inside, struct append *append)
{
    double ratios[TURNS];
    for (size_t i = 0; i < TURNS; i++) {
        const struct turn turn = measure_turn(inside, append);
        ratios[i] = turn.ratio;
        (void)printf(
            "{\"name\": \"turn_%zu\", \"append_us\": %.1f, \"mutation_us\": %.1f, "
            "\"mutation_p99_us\": %.1f, \"ratio\": %.3f}\n",
            i + 1, turn.append_us, turn.mutation_us, turn.mutation_p99_us, turn.ratio);
    }
    sort_figures(ratios, TURNS);
    (void)printf("{\"name\": \"ratio\", \"median\": %.3f}\n", ratios[TURNS / 2]);
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        (void)fprintf(stderr, "usage: bench_mutation DOCUMENTS.wasm FOLDER [COUNT]\n");
        return 2;
    }
    const char *module = argv[1];
    char folder[4096];
    char log[4096 + 8];
    const int size = snprintf(folder, sizeof folder, "%s/mutation-XXXXXX", argv[2]);
    must_hold(size > 0 && (size_t)size < sizeof folder, "its path is too long", argv[2]);
    must_hold(mkdtemp(folder) != NULL, "no folder can be made in it", argv[2]);
    (void)snprintf(log, sizeof log, "%s.log", folder);
    struct inside inside = {0};
    struct append append;
    append_open(&append, log);
    inside_open_at(&inside, folder, INSIDE_FLUSHED, &module, 1);
    fill(&inside, argc == 4 ? strtoul(argv[3], NULL, 10) : DOCUMENTS);
    measure(&inside, &append);
    inside_close(&inside);
    append_close(&append);
    return 0;
}
