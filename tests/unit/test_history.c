/*
 * The checker of histories is itself checked, in four ways. Correct histories, and what they become
 * by changes that keep them correct, have no anomaly. Each anomaly that is planted into one is
 * found and named. Small histories at random get the verdict that trying every order gives. And one
 * sentence of each kind is held against the words it must have.
 *
 * The seed is printed; CORDON_TEST_SEED repeats it.
 */
#include "base/memory.h"
#include "history/check.h"
#include "history/lines.h"
#include "support/expect.h"
#include "support/histories.h"
#include "support/seed.h"
#include "support/size.h"

#include <inttypes.h>

#define BYTES_MAX ((uint64_t)8 << 30)

static uint64_t seed;

static void check(const struct history *history, struct history_report *report)
{
    report_init(report);
    expect_ok(history_check(history, BYTES_MAX, report));
}

static void print_findings(const struct history_report *report)
{
    for (size_t i = 0; i < report->finding_count; i++) {
        print_error("%.*s\n", SLICE_FMT(report->findings[i].text));
    }
}

static void expect_none(const struct history *history, uint64_t from)
{
    CORDON_CLEANUP_REPORT struct history_report report;
    check(history, &report);
    if (report_total(&report) != 0) {
        print_error("seed %" PRIu64 "\n", from);
        print_findings(&report);
        fail();
    }
}

/* -- Correct histories ------------------------------------------------------------------------- */

static void correct_histories_have_no_anomaly(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < test_size(300); i++) {
        struct histories histories;
        CORDON_CLEANUP_HISTORY struct history history;
        histories_init(&histories, seed + i);
        history_init(&history, BYTES_MAX);
        histories_make(&histories, &history, 1 + histories_draw(&histories, 200), 1 + i % 8);
        expect_none(&history, seed + i);
        for (int change = 0; change < CHANGE_COUNT; change++) {
            histories_change(&histories, &history, (enum histories_change)change);
            expect_none(&history, seed + i);
        }
    }
}

static void a_hundred_thousand_transactions_are_checked(void **state)
{
    (void)state;
    struct histories histories;
    CORDON_CLEANUP_HISTORY struct history history;
    CORDON_CLEANUP_REPORT struct history_report report;
    histories_init(&histories, seed);
    history_init(&history, BYTES_MAX);
    histories_make(&histories, &history, test_size(100000), 8);
    check(&history, &report);
    assert_int_equal(report_total(&report), 0);
    assert_true(report.checked > history.txn_count / 2);
    (void)printf(
        "%zu transactions, %" PRIu64 " edges, %" PRIu64 " bytes of history\n", history.txn_count,
        report.edges, history.account.peak);
}

/* -- Planted anomalies ------------------------------------------------------------------------- */

static void expect_planted(
    const struct history *history,
    enum history_anomaly anomaly,
    enum history_anomaly also,
    uint64_t from)
{
    CORDON_CLEANUP_REPORT struct history_report report;
    check(history, &report);
    bool good = report.counts[anomaly] == 1;
    for (int i = 0; i < HISTORY_ANOMALY_COUNT; i++) {
        good = good && (report.counts[i] == 0 || i == (int)anomaly || i == (int)also);
    }
    if (!good) {
        print_error("seed %" PRIu64 ", planted %s\n", from, history_anomaly_name(anomaly));
        print_findings(&report);
        fail();
    }
}

static void each_planted_anomaly_is_found_and_named(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < test_size(40) * HISTORY_ANOMALY_COUNT; i++) {
        const enum history_anomaly anomaly = (enum history_anomaly)(i % HISTORY_ANOMALY_COUNT);
        enum history_anomaly also = HISTORY_ANOMALY_COUNT;
        struct histories histories;
        CORDON_CLEANUP_HISTORY struct history history;
        histories_init(&histories, seed + i);
        history_init(&history, BYTES_MAX);
        histories_make(&histories, &history, histories_draw(&histories, 200), 1 + i % 8);
        histories_plant(&histories, &history, anomaly, &also);
        expect_planted(&history, anomaly, also, seed + i);
        histories_change(&histories, &history, CHANGE_ORDER);
        histories_change(&histories, &history, CHANGE_NAMES);
        expect_planted(&history, anomaly, also, seed + i);
    }
}

static void all_anomalies_at_once_are_all_found(void **state)
{
    (void)state;
    struct histories histories;
    CORDON_CLEANUP_HISTORY struct history history;
    CORDON_CLEANUP_REPORT struct history_report report;
    enum history_anomaly also = HISTORY_ANOMALY_COUNT;
    histories_init(&histories, seed);
    history_init(&history, BYTES_MAX);
    for (int anomaly = 0; anomaly < HISTORY_ANOMALY_COUNT; anomaly++) {
        /* One after the other in time, so that no knot holds two of them. */
        const size_t before = history.txn_count;
        histories_plant(&histories, &history, (enum history_anomaly)anomaly, &also);
        const uint64_t start = history.txns[before].begin;
        for (size_t i = before; i < history.txn_count; i++) {
            struct history_txn *const txn = &history.txns[i];
            txn->begin += (uint64_t)anomaly * 10000 - start + 1000;
            txn->end += txn->end == UINT64_MAX ? 0 : (uint64_t)anomaly * 10000 - start + 1000;
            txn->ts += txn->ts == 0 ? 0 : (uint64_t)anomaly * 10;
        }
    }
    check(&history, &report);
    for (int anomaly = 0; anomaly < HISTORY_ANOMALY_COUNT; anomaly++) {
        assert_true(report.counts[anomaly] >= 1);
    }
}

/* A cycle as long as the history: nothing here may recurse. */
static void a_very_long_cycle_is_found(void **state)
{
    (void)state;
    const uint64_t count = test_size(100000);
    CORDON_CLEANUP_HISTORY struct history history;
    CORDON_CLEANUP_REPORT struct history_report report;
    history_init(&history, BYTES_MAX);
    for (uint64_t i = 0; i < count; i++) {
        expect_ok(history_begin(&history, i, 0));
        expect_ok(history_read(&history, i, true, 1));
        expect_ok(history_write(&history, (i + 1) % count, 1));
        history_end(&history, HISTORY_COMMITTED, 1);
    }
    check(&history, &report);
    assert_int_equal(report_total(&report), 1);
    assert_int_equal(report.counts[HISTORY_G1C], 1);
    assert_int_equal(report.findings[0].txn_count, count);
}

/* Many readers before many blind writers are linear in memory; one reader among them is late. */
static void many_readers_and_many_writers_are_linear(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    CORDON_CLEANUP_HISTORY struct history history;
    CORDON_CLEANUP_REPORT struct history_report report;
    history_init(&history, BYTES_MAX);
    for (uint64_t i = 0; i < MANY; i++) {
        expect_ok(history_begin(&history, i, 0));
        expect_ok(history_list(&history, 1));
        expect_ok(history_read(&history, 2, false, 0));
        if (i % 2 == 0) {
            expect_ok(history_append(&history, 1, i));
        }
        history_end(&history, HISTORY_COMMITTED, 1);
        expect_ok(history_begin(&history, i, 0));
        expect_ok(history_write(&history, 2, i));
        history_end(&history, HISTORY_COMMITTED, 1);
    }
    check(&history, &report);
    assert_true(report.edges < (uint64_t)20 * MANY);
    assert_int_equal(
        report.counts[HISTORY_G_SINGLE], 1); /* of those that read nothing and appended */
}

/* -- Every order ------------------------------------------------------------------------------- */

enum { SMALL_TXNS = 5, SMALL_KEYS = 2, SMALL_VALUES = 16 };

/* What a key holds when small histories are done one after the other. */
struct small_state {
    uint64_t values[SMALL_KEYS][SMALL_VALUES];
    size_t count[SMALL_KEYS];
};

static bool list_matches(
    const struct history *history, const struct history_op *op, const struct small_state *now)
{
    return op->count == now->count[op->key] &&
           (op->count == 0 || memcmp(
                                  &history->items[op->first], now->values[op->key],
                                  op->count * sizeof *history->items) == 0);
}

/* Does one transaction; false if it would have read something else. */
static bool do_txn(
    const struct history *history, const struct history_txn *txn, struct small_state *now)
{
    for (size_t at = txn->first; at < txn->first + txn->count; at++) {
        const struct history_op *const op = &history->ops[at];
        const size_t count = now->count[op->key];
        if (history_op_writes(op)) {
            now->values[op->key][now->count[op->key]++] = op->value;
        } else if (op->kind == HISTORY_LIST && !list_matches(history, op, now)) {
            return false;
        } else if (
            op->kind == HISTORY_READ &&
            (op->found != (count > 0) ||
             (count > 0 && now->values[op->key][count - 1] != op->value))) {
            return false;
        }
    }
    return true;
}

/* Whether one of those that are left was answered before this one began. */
static bool is_too_early(const struct history *history, unsigned left, size_t txn)
{
    for (size_t i = 0; i < history->txn_count; i++) {
        if ((left >> i & 1u) != 0 && history->txns[i].status == HISTORY_COMMITTED &&
            history->txns[i].end < history->txns[txn].begin) {
            return true;
        }
    }
    return false;
}

/* Whether those that are left can be done in some order; unknown ones may stay undone. */
static bool some_order(const struct history *history, unsigned left, struct small_state now)
{
    bool done = true;
    for (size_t i = 0; i < history->txn_count; i++) {
        const struct history_txn *const txn = &history->txns[i];
        if ((left >> i & 1u) == 0 || txn->status == HISTORY_ABORTED) {
            continue;
        }
        done = done && txn->status == HISTORY_UNKNOWN;
        struct small_state next = now;
        if (!is_too_early(history, left & ~(1u << i), i) && do_txn(history, txn, &next) &&
            some_order(history, left & ~(1u << i), next)) {
            return true;
        }
    }
    return done;
}

/* What is read lacks the newest value now and then, if the history is to be spoilt. */
struct small {
    struct histories *histories;
    struct history *history;
    struct small_state now;
    bool spoilt;
    bool has_register; /* key 1; else it is a list, as key 0 */
};

static void write_small(struct small *small, uint64_t key, uint64_t value)
{
    if (key == 1 && small->has_register) {
        expect_ok(history_write(small->history, key, value));
    } else {
        expect_ok(history_append(small->history, key, value));
    }
    small->now.values[key][small->now.count[key]++] = value;
}

static void read_small(struct small *small, uint64_t key)
{
    const uint64_t *const values = small->now.values[key];
    size_t count = small->now.count[key];
    count -= small->spoilt && count > 0 && histories_draw(small->histories, 6) == 0;
    if (key == 1 && small->has_register) {
        expect_ok(history_read(small->history, key, count > 0, count > 0 ? values[count - 1] : 0));
        return;
    }
    expect_ok(history_list(small->history, key));
    for (size_t i = 0; i < count; i++) {
        expect_ok(history_item(small->history, values[i]));
    }
}

static void make_small_txn(struct small *small, uint64_t number)
{
    const struct small_state before = small->now;
    const uint64_t begin = histories_draw(small->histories, 40);
    const uint64_t outcome = histories_draw(small->histories, 8);
    expect_ok(history_begin(small->history, number, begin));
    for (uint64_t op = 0; op < 3; op++) {
        const uint64_t key = histories_draw(small->histories, SMALL_KEYS);
        if (histories_draw(small->histories, 2) == 0) {
            write_small(small, key, 10 * (number + 1) + op);
        } else {
            read_small(small, key);
        }
    }
    history_end(
        small->history,
        outcome == 0   ? HISTORY_ABORTED
        : outcome == 1 ? HISTORY_UNKNOWN
                       : HISTORY_COMMITTED,
        begin + histories_draw(small->histories, 40));
    if (outcome == 0 || histories_draw(small->histories, 6) == 0) {
        small->now = before; /* perhaps although it was committed: a write is lost */
    }
}

static void make_small(struct histories *histories, struct history *history, bool has_register)
{
    const uint64_t count = 2 + histories_draw(histories, SMALL_TXNS - 1);
    struct small small = {
        .histories = histories,
        .history = history,
        .spoilt = histories_draw(histories, 4) > 0,
        .has_register = has_register,
    };
    for (uint64_t i = 0; i < count; i++) {
        make_small_txn(&small, i);
    }
}

static void print_history(const struct history *history)
{
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, SIZE_MAX);
    for (size_t txn = 0; txn < history->txn_count; txn++) {
        expect_ok(history_write_line(&lines, history, txn));
    }
    print_error("%.*s", SLICE_FMT(buffer_slice(&lines)));
}

/* Of lists the verdict is exact. Of registers, whose order is known in part, an anomaly is one. */
static void small_histories_are_judged_as_by_trying_every_order(void **state)
{
    (void)state;
    size_t good = 0;
    size_t bad = 0;
    size_t missed = 0;
    const size_t rounds = test_size(20000);
    for (uint64_t i = 0; i < rounds; i++) {
        struct histories histories;
        CORDON_CLEANUP_HISTORY struct history history;
        CORDON_CLEANUP_REPORT struct history_report report;
        const bool has_register = i % 2 == 1;
        histories_init(&histories, seed + i);
        history_init(&history, BYTES_MAX);
        make_small(&histories, &history, has_register);
        check(&history, &report);
        const bool possible =
            some_order(&history, (1u << history.txn_count) - 1, (struct small_state){0});
        const bool found = report_total(&report) > 0;
        if (possible ? found : !found && !has_register) {
            print_error(
                "seed %" PRIu64 ": every order was tried, and it is %s\n", seed + i,
                possible ? "possible" : "impossible");
            print_findings(&report);
            print_history(&history);
            fail();
        }
        good += possible;
        bad += !possible;
        missed += !possible && !found;
    }
    (void)printf("%zu possible, %zu impossible, of which %zu not seen\n", good, bad, missed);
    assert_true(good > rounds / 20 && bad > rounds / 20 && missed < bad / 20);
}

/* -- Words ------------------------------------------------------------------------------------- */

#define LINE(process, begin, end, ops)                                                             \
    "{\"process\":" #process ",\"begin\":" #begin ",\"end\":" #end                                 \
    ",\"status\":\"committed\",\"ops\":[" ops "]}\n"

#define STAMPED(process, ts, ops)                                                                  \
    "{\"process\":" #process ",\"begin\":0,\"end\":9,\"status\":\"committed\",\"ts\":" #ts         \
    ",\"ops\":[" ops "]}\n"

static const struct {
    const char *lines;
    const char *words;
} word_cases[] = {
    {LINE(1, 0, 9, "[\"list\",5,[]],[\"append\",6,1]")
         LINE(2, 0, 9, "[\"list\",6,[]],[\"append\",5,2]")
             LINE(3, 0, 9, "[\"list\",5,[2]],[\"list\",6,[1]]"),
     "G2: a cycle of 2 transactions, each of which must come before the next:\n"
     "  T1 read list 5 empty, without the 2 that T2 appended [rw]\n"
     "  T2 read list 6 empty, without the 1 that T1 appended [rw]\n"
     "    T1 (process 1, committed): list 5: empty, append 1 to 6\n"
     "    T2 (process 2, committed): list 6: empty, append 2 to 5"},
    {LINE(1, 0, 1, "[\"write\",5,1]") LINE(1, 2, 3, "[\"write\",5,2]")
         LINE(3, 4, 5, "[\"read\",5,1]"),
     "G-single-realtime: a cycle of 2 transactions, each of which must come before the next:\n"
     "  T3 read register 5 as 1, without the 2 that T2 wrote after T1 was answered, which wrote "
     "that [rw, real time]\n"
     "  T2 was answered before T3 began [real time]\n"
     "    T3 (process 3, committed): read 5: 1\n"
     "    T2 (process 1, committed): write 2 to 5"},
    {LINE(1, 0, 9, "[\"append\",5,1],[\"list\",6,[2]]")
         LINE(2, 0, 9, "[\"list\",5,[1]],[\"append\",6,2]"),
     "G1c: a cycle of 2 transactions, each of which must come before the next:\n"
     "  T1 appended 1 to list 5, which T2 read [wr]\n"
     "  T2 appended 2 to list 6, which T1 read [wr]\n"
     "    T1 (process 1, committed): append 1 to 5, list 6: 2\n"
     "    T2 (process 2, committed): list 5: 1, append 2 to 6"},
    {LINE(1, 0, 9, "[\"append\",5,1],[\"append\",6,2]")
         LINE(2, 0, 9, "[\"append\",5,3],[\"append\",6,4]")
             LINE(3, 0, 9, "[\"list\",5,[1,3]],[\"list\",6,[4,2]]"),
     "  T1 appended 1 to list 5, before T2 appended 3 [ww]\n"},
    {STAMPED(1, 7, "[\"write\",5,1]") STAMPED(2, 8, "[\"write\",5,2]")
         STAMPED(3, 8, "[\"read\",5,1]"),
     "G-single-timestamp: a cycle of 2 transactions, each of which must come before the next:\n"
     "  T3 read register 5 as 1, without the 2 that T2 wrote later, by its timestamp [rw, "
     "timestamp]\n"
     "  T2 stands before T3 by its timestamp [timestamp]\n"},
    {STAMPED(1, 7, "[\"write\",5,1]") STAMPED(2, 8, "[\"miss\",5,1]"),
     "G-single-timestamp: a cycle of 2 transactions, each of which must come before the next:\n"
     "  T2 did not find in register 5 the 1 that T1 wrote before, by its timestamp [rw, predicate, "
     "timestamp]\n"
     "  T1 stands before T2 by its timestamp [timestamp]\n"
     "    T2 (process 2, committed): miss 5 in group 1\n"
     "    T1 (process 1, committed): write 1 to 5"},
    {STAMPED(1, 7, "[\"write\",5,1]") STAMPED(2, 8, "[\"remove\",5,null]")
         STAMPED(3, 8, "[\"read\",5,1]"),
     "  T3 read register 5 as 1, without the removal by T2 later, by its timestamp [rw, "
     "timestamp]\n"},
    {LINE(1, 0, 9, "[\"undone\",5,3]") LINE(2, 0, 9, "[\"read\",5,3]"),
     "G1a: T2 read 3 in key 5, which T1 wrote and took back by a savepoint\n"
     "    T2 (process 2, committed): read 5: 3\n"
     "    T1 (process 1, committed): undo 3 to 5"},
    {LINE(1, 0, 9, "[\"read\",5,3]"), "unwritten: T1 read 3 in key 5, which nobody wrote\n"
                                      "    T1 (process 1, committed): read 5: 3"},
};

static void findings_have_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(word_cases); i++) {
        CORDON_CLEANUP_HISTORY struct history history;
        CORDON_CLEANUP_REPORT struct history_report report;
        history_init(&history, BYTES_MAX);
        expect_ok(history_read_lines(&history, slice_str(word_cases[i].lines)));
        check(&history, &report);
        assert_int_equal(report.finding_count, 1);
        const char *const text = (const char *)report.findings[0].text.data;
        if (strstr(text, word_cases[i].words) == NULL) {
            print_error("%s\nhas not\n%s\n", text, word_cases[i].words);
            fail();
        }
    }
}

/* -- Lines ------------------------------------------------------------------------------------- */

static void histories_are_read_as_they_were_written(void **state)
{
    (void)state;
    struct histories histories;
    CORDON_CLEANUP_HISTORY struct history history;
    CORDON_CLEANUP_HISTORY struct history again;
    CORDON_CLEANUP_BUFFER struct buffer lines;
    CORDON_CLEANUP_BUFFER struct buffer lines_again;
    histories_init(&histories, seed);
    history_init(&history, BYTES_MAX);
    history_init(&again, BYTES_MAX);
    buffer_init(&lines, SIZE_MAX);
    buffer_init(&lines_again, SIZE_MAX);
    histories_make(&histories, &history, 300, 4);
    histories_change(&histories, &history, CHANGE_NAMES); /* large numbers */
    for (size_t i = 0; i < history.txn_count; i++) {
        expect_ok(history_write_line(&lines, &history, i));
    }
    expect_ok(history_read_lines(&again, buffer_slice(&lines)));
    assert_int_equal(again.txn_count, history.txn_count);
    for (size_t i = 0; i < again.txn_count; i++) {
        expect_ok(history_write_line(&lines_again, &again, i));
    }
    assert_true(slice_equal(buffer_slice(&lines), buffer_slice(&lines_again)));
    expect_none(&again, seed);
}

static const struct {
    const char *lines;
    cordon_error_code code;
    const char *words;
} bad_lines[] = {
    {"{", CORDON_E_BAD_JSON, "line 1: "},
    {"\n\n[]", CORDON_E_INVALID, "line 3: a line is an object"},
    {"{\"process\":1,\"begin\":2,\"end\":3,\"status\":\"committed\",\"ops\":[],\"more\":1}",
     CORDON_E_INVALID, "nothing else"},
    {"{\"process\":1,\"begin\":-2,\"end\":3,\"status\":\"committed\",\"ops\":[]}", CORDON_E_INVALID,
     "whole numbers"},
    {"{\"process\":1,\"begin\":2,\"end\":3,\"status\":\"lost\",\"ops\":[]}", CORDON_E_INVALID,
     "\"status\" is"},
    {"{\"process\":1,\"begin\":2,\"end\":3,\"status\":\"unknown\",\"ops\":[]}", CORDON_E_INVALID,
     "has no \"end\""},
    {"{\"process\":1,\"begin\":2,\"status\":\"aborted\",\"ops\":[]}", CORDON_E_INVALID,
     "has no \"end\""},
    {STAMPED(1, 0, ""), CORDON_E_INVALID, "must be above 0"},
    {STAMPED(1, -1, ""), CORDON_E_INVALID, "whole numbers"},
    {"{\"process\":1,\"begin\":2,\"end\":3,\"status\":\"aborted\",\"ts\":4,\"ops\":[]}",
     CORDON_E_INVALID, "only a committed transaction"},
    {LINE(1, 0, 9, "[\"erase\",5,3]"), CORDON_E_INVALID, "an operation is"},
    {LINE(1, 0, 9, "[\"read\",5]"), CORDON_E_INVALID, "an operation is"},
    {LINE(1, 0, 9, "[\"read\",5,1,1]"), CORDON_E_INVALID, "an operation is"},
    {LINE(1, 0, 9, "[\"read\",5,\"1\"]"), CORDON_E_INVALID, "or null"},
    {LINE(1, 0, 9, "[\"list\",5,1]"), CORDON_E_INVALID, "an array"},
    {LINE(1, 0, 9, "[\"list\",5,[null]]"), CORDON_E_INVALID, "whole numbers"},
    {LINE(1, 0, 9, "[\"append\",5,null]"), CORDON_E_INVALID, "appended"},
    {LINE(1, 0, 9, "[\"write\",5,0.5]"), CORDON_E_INVALID, "written"},
    {LINE(1, 0, 9, "[\"remove\",5,1]"), CORDON_E_INVALID, "removed has null"},
    {LINE(1, 0, 9, "[\"miss\",5,4]"), CORDON_E_INVALID, "from 0 to 3"},
    {LINE(1, 0, 9, "[\"miss\",5,null]"), CORDON_E_INVALID, "from 0 to 3"},
    {LINE(1, 0, 9, "[\"undone\",5,null]"), CORDON_E_INVALID, "undone"},
};

static void bad_lines_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_lines); i++) {
        CORDON_CLEANUP_HISTORY struct history history;
        history_init(&history, BYTES_MAX);
        expect_error(
            history_read_lines(&history, slice_str(bad_lines[i].lines)), bad_lines[i].code,
            bad_lines[i].words);
    }
}

static const struct {
    const char *lines;
    const char *words;
} unchecked[] = {
    {LINE(1, 0, 9, "[\"append\",5,3]") LINE(2, 0, 9, "[\"append\",5,3]"), "written twice"},
    {LINE(1, 0, 9, "[\"append\",5,3],[\"read\",5,3]"), "a list and as a register"},
    {LINE(1, 0, 9, "[\"undone\",5,3],[\"write\",5,3]"), "written twice"},
    {LINE(1, 0, 9, "[\"append\",5,3],[\"miss\",5,3]"), "a list and as a register"},
    {LINE(1, 9, 0, ""), "ends before it begins"},
};

static void what_cannot_be_checked_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(unchecked); i++) {
        CORDON_CLEANUP_HISTORY struct history history;
        CORDON_CLEANUP_REPORT struct history_report report;
        history_init(&history, BYTES_MAX);
        report_init(&report);
        expect_ok(history_read_lines(&history, slice_str(unchecked[i].lines)));
        expect_error(
            history_check(&history, BYTES_MAX, &report), CORDON_E_INVALID, unchecked[i].words);
    }
}

/* Whatever room there is, it is enough or an error, and nothing is left behind. */
static void memory_is_bounded(void **state)
{
    (void)state;
    struct histories histories;
    CORDON_CLEANUP_HISTORY struct history history;
    enum history_anomaly also = HISTORY_ANOMALY_COUNT;
    histories_init(&histories, seed);
    history_init(&history, BYTES_MAX);
    histories_make(&histories, &history, 200, 4);
    histories_plant(&histories, &history, HISTORY_G2, &also);
    histories_plant(&histories, &history, HISTORY_INCOMPATIBLE, &also);
    size_t refused = 0;
    for (uint64_t bytes = 0; bytes < 1000000; bytes += 997) {
        CORDON_CLEANUP_REPORT struct history_report report;
        report_init(&report);
        cordon_error *const error = history_check(&history, bytes, &report);
        refused += error != NULL;
        assert_true(error == NULL || cordon_error_get_code(error) == CORDON_E_TOO_LARGE);
        assert_true(error != NULL || report.counts[HISTORY_G2] == 1);
        cordon_error_free(error);
    }
    assert_true(refused > 10 && refused < 1000);
}

/* Reads lines into a history and checks it, with whatever memory there is. */
static cordon_error *read_and_check(struct slice lines, struct history_report *report)
{
    CORDON_CLEANUP_HISTORY struct history history;
    history_init(&history, BYTES_MAX);
    report_init(report);
    TRY(history_read_lines(&history, lines));
    return history_check(&history, BYTES_MAX, report);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    struct histories histories;
    CORDON_CLEANUP_HISTORY struct history history;
    CORDON_CLEANUP_BUFFER struct buffer lines;
    enum history_anomaly also = HISTORY_ANOMALY_COUNT;
    histories_init(&histories, seed);
    history_init(&history, BYTES_MAX);
    buffer_init(&lines, SIZE_MAX);
    histories_make(&histories, &history, 20, 4);
    histories_plant(&histories, &history, HISTORY_G_SINGLE, &also);
    histories_plant(&histories, &history, HISTORY_G1A, &also);
    for (size_t i = 0; i < history.txn_count; i++) {
        expect_ok(history_write_line(&lines, &history, i));
    }
    bool passed = false;
    size_t failures = 0;
    for (uint64_t nth = 1; !passed; nth++) {
        CORDON_CLEANUP_REPORT struct history_report report;
        (void)mem_fail_nth(nth);
        cordon_error *const error = read_and_check(buffer_slice(&lines), &report);
        passed = mem_fail_nth(0) < nth;
        failures += error != NULL;
        assert_true(error == NULL || !passed);
        assert_true(error == NULL || cordon_error_get_code(error) == CORDON_E_NO_MEMORY);
        /* Who could do without that memory has found what there is. */
        assert_true(error != NULL || report.counts[HISTORY_G_SINGLE] == 1);
        cordon_error_free(error);
    }
    assert_true(failures > 50);
}

int main(void)
{
    seed = test_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(correct_histories_have_no_anomaly),
        cmocka_unit_test(a_hundred_thousand_transactions_are_checked),
        cmocka_unit_test(each_planted_anomaly_is_found_and_named),
        cmocka_unit_test(all_anomalies_at_once_are_all_found),
        cmocka_unit_test(a_very_long_cycle_is_found),
        cmocka_unit_test(many_readers_and_many_writers_are_linear),
        cmocka_unit_test(small_histories_are_judged_as_by_trying_every_order),
        cmocka_unit_test(findings_have_words),
        cmocka_unit_test(histories_are_read_as_they_were_written),
        cmocka_unit_test(bad_lines_are_refused),
        cmocka_unit_test(what_cannot_be_checked_is_refused),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
