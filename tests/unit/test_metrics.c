/*
 * The metrics registry: the text a scraper reads, exactly; what is refused; and that no addition is
 * lost between threads.
 */
#include "observe/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/size.h"

#define assert_success(expr) assert_null(expr)

static char *text_of(struct metrics *metrics)
{
    struct buffer out;
    buffer_init(&out, SIZE_MAX / 2);
    assert_success(metrics_write(metrics, &out));
    char *text = mem_copy_string(buffer_slice(&out));
    buffer_done(&out);
    return text;
}

static void assert_has_line(const char *text, const char *line)
{
    const size_t size = strlen(line);
    for (const char *at = text; (at = strstr(at, line)) != NULL; at += size) {
        if ((at == text || at[-1] == '\n') && at[size] == '\n') {
            return;
        }
    }
    fail_msg("no line '%s' in:\n%s", line, text);
}

static void counters_and_gauges_in_families(void **state)
{
    (void)state;
    struct metrics *metrics = NULL;
    assert_success(metrics_new(&metrics));
    struct counter *query = NULL;
    struct counter *action = NULL;
    struct gauge *gauge = NULL;
    assert_success(metrics_counter(metrics, "calls_total", "kind=\"query\"", "Calls.", &query));
    assert_success(metrics_gauge(metrics, "connections", NULL, "Open\nnow: \\ \"", &gauge));
    assert_success(metrics_counter(metrics, "calls_total", "kind=\"action\"", "Calls.", &action));
    counter_add(query, 2);
    counter_add(action, UINT64_MAX);
    gauge_set(gauge, 5);
    gauge_add(gauge, -7);

    char *text = text_of(metrics);
    assert_string_equal(
        text, "# HELP calls_total Calls.\n"
              "# TYPE calls_total counter\n"
              "calls_total{kind=\"query\"} 2\n"
              "calls_total{kind=\"action\"} 18446744073709551615\n"
              "# HELP connections Open\\nnow: \\\\ \"\n"
              "# TYPE connections gauge\n"
              "connections -2\n");
    assert_int_equal(counter_get(query), 2);
    assert_int_equal(gauge_get(gauge), -2);
    mem_free(text);
    metrics_free(metrics);
}

static void histograms_have_cumulative_buckets(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *first_bucket_with_it; /* and the one before it, that is without */
        const char *last_bucket_without;
    } cases[] = {
        {0, "t_bucket{le=\"0.000001\"} 1", NULL},
        {1000, "t_bucket{le=\"0.000001\"} 1", NULL},
        {1001, "t_bucket{le=\"0.000002\"} 1", "t_bucket{le=\"0.000001\"} 0"},
        {4000, "t_bucket{le=\"0.000004\"} 1", "t_bucket{le=\"0.000002\"} 0"},
        {1048576000, "t_bucket{le=\"1.048576\"} 1", "t_bucket{le=\"0.524288\"} 0"},
        {1048576001, "t_bucket{le=\"2.097152\"} 1", "t_bucket{le=\"1.048576\"} 0"},
        {536870912000, "t_bucket{le=\"536.870912\"} 1", "t_bucket{le=\"268.435456\"} 0"},
        {536870912001, "t_bucket{le=\"+Inf\"} 1", "t_bucket{le=\"536.870912\"} 0"},
        {UINT64_MAX, "t_bucket{le=\"+Inf\"} 1", "t_bucket{le=\"536.870912\"} 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct metrics *metrics = NULL;
        struct histogram *histogram = NULL;
        assert_success(metrics_new(&metrics));
        assert_success(metrics_histogram_seconds(metrics, "t", NULL, "T.", &histogram));
        histogram_observe_ns(histogram, cases[i].ns);
        char *text = text_of(metrics);
        assert_has_line(text, "# TYPE t histogram");
        assert_has_line(text, cases[i].first_bucket_with_it);
        assert_has_line(text, "t_bucket{le=\"+Inf\"} 1");
        assert_has_line(text, "t_count 1");
        if (cases[i].last_bucket_without != NULL) {
            assert_has_line(text, cases[i].last_bucket_without);
        }
        mem_free(text);
        metrics_free(metrics);
    }
}

static void histograms_add_up(void **state)
{
    (void)state;
    struct metrics *metrics = NULL;
    struct histogram *histogram = NULL;
    assert_success(metrics_new(&metrics));
    assert_success(metrics_histogram_seconds(metrics, "t", "a=\"b\"", "T.", &histogram));
    histogram_observe_ns(histogram, 1500);
    histogram_observe_ns(histogram, 2000000001);
    char *text = text_of(metrics);
    assert_has_line(text, "t_bucket{a=\"b\",le=\"0.000002\"} 1");
    assert_has_line(text, "t_bucket{a=\"b\",le=\"2.097152\"} 2");
    assert_has_line(text, "t_sum{a=\"b\"} 2.000001501");
    assert_has_line(text, "t_count{a=\"b\"} 2");
    mem_free(text);
    metrics_free(metrics);
}

static void every_type_has_its_text(void **state)
{
    (void)state;
    struct metrics *metrics = NULL;
    struct counter *time = NULL;
    struct gauge *untyped = NULL;
    struct histogram *bytes = NULL;
    struct histogram *moved = NULL;
    struct histogram *still = NULL;
    assert_success(metrics_new(&metrics));
    assert_success(metrics_counter_seconds(metrics, "cpu_seconds_total", NULL, "C.", &time));
    assert_success(metrics_untyped(metrics, "size_bytes_total", NULL, "S.", &untyped));
    assert_success(metrics_histogram_bytes(metrics, "b_bytes", NULL, "B.", &bytes));
    assert_success(metrics_histogram_seconds_sparse(metrics, "s", "a=\"1\"", "T.", &moved));
    assert_success(metrics_histogram_seconds_sparse(metrics, "s", "a=\"2\"", "T.", &still));
    counter_add(time, 1000000001);
    gauge_set(untyped, 5);
    histogram_observe_bytes(bytes, 4097);
    histogram_observe_many_ns(moved, 1500, 64);
    char *text = text_of(metrics);
    assert_has_line(text, "# TYPE cpu_seconds_total counter");
    assert_has_line(text, "cpu_seconds_total 1.000000001");
    assert_has_line(text, "# TYPE size_bytes_total untyped");
    assert_has_line(text, "size_bytes_total 5");
    assert_has_line(text, "b_bytes_bucket{le=\"4096\"} 0");
    assert_has_line(text, "b_bytes_bucket{le=\"8192\"} 1");
    assert_has_line(text, "b_bytes_sum 4097");
    assert_has_line(text, "s_bucket{a=\"1\",le=\"0.000002\"} 64");
    assert_has_line(text, "s_sum{a=\"1\"} 0.000096000");
    assert_has_line(text, "s_count{a=\"1\"} 64");
    assert_null(strstr(text, "a=\"2\""));
    mem_free(text);
    metrics_free(metrics);
}

static void the_same_series_is_the_same_number(void **state)
{
    (void)state;
    struct metrics *metrics = NULL;
    struct counter *first = NULL;
    struct counter *again = NULL;
    struct gauge *gauge = NULL;
    assert_success(metrics_new(&metrics));
    assert_success(metrics_counter(metrics, "n_total", "a=\"1\"", "N.", &first));
    assert_success(metrics_counter(metrics, "n_total", "a=\"1\"", "N.", &again));
    assert_ptr_equal(first, again);
    cordon_error *error = metrics_gauge(metrics, "n_total", NULL, "N.", &gauge);
    assert_non_null(error);
    assert_int_equal(cordon_error_get_code(error), CORDON_E_INVALID);
    cordon_error_free(error);
    assert_null(gauge);
    metrics_free(metrics);
}

static void labels_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *labels;
        bool valid;
    } cases[] = {
        {"", true},
        {"a=\"\"", true},
        {"a=\"1\",b_2=\"x y\"", true},
        {"a=\"\\\\ \\\" \\n\"", true},
        {"a=\"{}=,#\"", true},
        {"a", false},
        {"=\"1\"", false},
        {"2=\"1\"", false},
        {"a=1", false},
        {"a=\"1", false},
        {"a=\"1\\\"", false},
        {"a=\"\\t\"", false},
        {"a=\"\n\"", false},
        {"a=\"1\",", false},
        {"a=\"1\" b=\"2\"", false},
        {"a=\"1\"}", false},
    };
    struct metrics *metrics = NULL;
    assert_success(metrics_new(&metrics));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct counter *counter = NULL;
        cordon_error *error = metrics_counter(metrics, "n_total", cases[i].labels, "N.", &counter);
        if ((error == NULL) != cases[i].valid) {
            fail_msg("labels '%s' were %s", cases[i].labels, error == NULL ? "taken" : "refused");
        }
        cordon_error_free(error);
    }
    metrics_free(metrics);
}

static void out_of_memory_leaves_a_usable_registry(void **state)
{
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct metrics *metrics = NULL;
        struct counter *counter = NULL;
        (void)mem_fail_nth(nth);
        cordon_error *error = metrics_new(&metrics);
        if (error == NULL) {
            error = metrics_counter(metrics, "n_total", "a=\"1\"", "N.", &counter);
        }
        (void)mem_fail_nth(0);
        if (error == NULL) {
            assert_true(nth > 4); /* registry, family, its two texts, series, labels */
            metrics_free(metrics);
            return;
        }
        assert_int_equal(cordon_error_get_code(error), CORDON_E_NO_MEMORY);
        cordon_error_free(error);
        if (metrics != NULL) {
            assert_success(metrics_counter(metrics, "n_total", "a=\"1\"", "N.", &counter));
            counter_add(counter, 1);
            char *text = text_of(metrics);
            assert_has_line(text, "n_total{a=\"1\"} 1");
            mem_free(text);
        }
        metrics_free(metrics);
    }
}

/* -- Threads -------------------------------------------------------------------------------- */

enum { THREADS = 4 };

struct shared {
    struct metrics *metrics;
    struct counter *counter;
    struct gauge *gauge;
    struct histogram *histogram;
    size_t rounds;
};

static void *move_numbers(void *arg)
{
    struct shared *shared = arg;
    for (size_t i = 0; i < shared->rounds; i++) {
        counter_add(shared->counter, 1);
        gauge_add(shared->gauge, i % 2 == 0 ? 3 : -2);
        histogram_observe_ns(shared->histogram, i * 1000);
        if (i % 1024 == 0) {
            struct counter *mine = NULL;
            cordon_error *error =
                metrics_counter(shared->metrics, "shared_total", NULL, "S.", &mine);
            if (error == NULL) {
                counter_add(mine, 1);
            }
            cordon_error_free(error);
            struct buffer out;
            buffer_init(&out, SIZE_MAX / 2);
            cordon_error_free(metrics_write(shared->metrics, &out));
            buffer_done(&out);
        }
    }
    return NULL;
}

static void no_addition_is_lost(void **state)
{
    (void)state;
    struct shared shared = {.rounds = test_size(20000) / 1024 * 1024 + 1024};
    assert_success(metrics_new(&shared.metrics));
    assert_success(metrics_counter(shared.metrics, "c_total", NULL, "C.", &shared.counter));
    assert_success(metrics_gauge(shared.metrics, "g", NULL, "G.", &shared.gauge));
    assert_success(metrics_histogram_seconds(shared.metrics, "h", NULL, "H.", &shared.histogram));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, move_numbers, &shared), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(counter_get(shared.counter), THREADS * shared.rounds);
    assert_int_equal(gauge_get(shared.gauge), THREADS * shared.rounds / 2);
    char line[64];
    (void)snprintf(line, sizeof line, "h_count %zu", THREADS * shared.rounds);
    char *text = text_of(shared.metrics);
    assert_has_line(text, line);
    (void)snprintf(line, sizeof line, "shared_total %zu", THREADS * (shared.rounds / 1024));
    assert_has_line(text, line);
    mem_free(text);
    metrics_free(shared.metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges_in_families),
        cmocka_unit_test(histograms_have_cumulative_buckets),
        cmocka_unit_test(histograms_add_up),
        cmocka_unit_test(every_type_has_its_text),
        cmocka_unit_test(the_same_series_is_the_same_number),
        cmocka_unit_test(labels_are_checked),
        cmocka_unit_test(out_of_memory_leaves_a_usable_registry),
        cmocka_unit_test(no_addition_is_lost),
    };
    return cmocka_run_group_tests_name("observe/metrics", tests, NULL, NULL);
}
