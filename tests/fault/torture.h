/*
 * One thing after the other fails, each in its turn: the nth allocation of our own, the nth call of
 * the machine, for n = 1, 2, 3 and so on, until nothing failed any more.
 *
 * A road is something that the program does. It is taken in a child process, again and again, each
 * time with another fault, and must end well or be refused with words; or the process may end with
 * exit code 5 and a line that says why, which is what a disk that fails is answered with. Then the
 * next child takes over. After each fault the road is taken without one, and what was acknowledged
 * is looked for. A child that crashes, hangs, leaks (the sanitizers say so) or says what it must
 * not, fails the test. CORDON_TEST_ROAD=NAME takes one road alone.
 */
#ifndef FAULT_TORTURE_H
#define FAULT_TORTURE_H

#include "base/error.h"
#include "base/slice.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TORTURE_WORDS_BYTES = 512, EXIT_MACHINE_FAILED = 5 };

enum torture_fault {
    TORTURE_MEMORY,    /* one allocation */
    TORTURE_NO_MEMORY, /* it and all after it */
    TORTURE_CALLS,
    TORTURE_INTERRUPTS,
    TORTURE_CUTS,
};
enum { TORTURE_FAULT_COUNT = 5 };

/* What became of a road that was taken. */
enum torture_answer {
    ANSWER_GOOD,    /* it was done, and is acknowledged */
    ANSWER_REFUSED, /* it was not done, and the words say why */
};

/* What the processes of one road share. */
struct torture {
    char folder[256];         /* of the data; there for all children, empty at first */
    char kept[300];           /* a text of the road's own */
    enum torture_fault fault; /* what fails */
    uint64_t nth;             /* which one */
    uint64_t taken;           /* how often the road was taken, in all children */
    uint64_t acknowledged;    /* how often the answer was good */
    uint64_t in_doubt;        /* how often the process ended before there was an answer */
    uint64_t memo;            /* the road's own */
    _Atomic bool acting;      /* the road is being taken, with the fault set */
    _Atomic bool has_come;    /* a fault, in this child */
    _Atomic bool over;        /* nothing failed any more */
    const char *_Atomic name; /* of the call that failed: a literal, so in each process the same */
    char words[TORTURE_WORDS_BYTES]; /* of the last refusal */
};

struct torture_road {
    const char *name;
    /* Once in each child, before the first fault and after the last. `world` is the road's own. */
    void (*open)(struct torture *torture, void **out_world);
    void (*close)(struct torture *torture, void *world);
    /* Before each fault; NULL: nothing. */
    void (*prepare)(struct torture *torture, void *world);
    /* Takes the road. A refusal is told by torture_refuse(). */
    enum torture_answer (*take)(struct torture *torture, void *world);
    /* Without a fault: requires that what was acknowledged is there and nothing is half done. */
    void (*check)(struct torture *torture, void *world);
    /* libuv 1.44 forgets the descriptors of a loop that can't be made. */
    bool forgets_descriptors;
    /* How many faults are tried in `make test`, evenly over all; 0: each. Calls that fail: each. */
    size_t points;
};

/* Takes a road with one kind of fault, to its end. */
void torture_run(const struct torture_road *road, enum torture_fault fault);

/*
 * The tests of a program: each kind of fault on all of its roads, or on the one that
 * $CORDON_TEST_ROAD names. Returns what main() does.
 */
int torture_suite(const char *name, const struct torture_road *roads, size_t count);

/* Keeps the words of an error, which must be good ones, and frees it. */
enum torture_answer torture_refuse(struct torture *torture, cordon_error *error);

/* Requires words that may stand in an answer: some, and nothing of how we are made. */
void torture_require_words(const struct torture *torture, struct slice words);

/* Says what is wrong, and with which fault, and stops the child. */
_Noreturn void torture_failed(const struct torture *torture, const char *what, struct slice words);

#define TORTURE_REQUIRE(torture, condition)                                                        \
    ((condition) ? (void)0 : torture_failed((torture), #condition, (struct slice){0}))

#endif
