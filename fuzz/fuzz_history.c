/*
 * Histories from any bytes: each is refused, or is read, checked within its memory, and written as
 * lines that are read as the same history, with the same verdict.
 */
#include "history/check.h"
#include "history/lines.h"

#define BYTES_MAX ((uint64_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether it could be checked, and what was found. */
static bool check(const struct history *history, struct history_report *report)
{
    report_init(report);
    cordon_error *const error = history_check(history, BYTES_MAX, report);
    const bool good = error == NULL;
    CORDON_ASSERT(good || cordon_error_get_message(error)[0] != '\0');
    cordon_error_free(error);
    return good;
}

static void check_report(const struct history *history, const struct history_report *report)
{
    CORDON_ASSERT(report->checked <= history->txn_count);
    CORDON_ASSERT((report->finding_count == 0) == (report_total(report) == 0));
    for (size_t i = 0; i < report->finding_count; i++) {
        const struct history_finding *const finding = &report->findings[i];
        CORDON_ASSERT(finding->text.size > 0 && finding->txn_count > 0);
        for (size_t txn = 0; txn < finding->txn_count; txn++) {
            CORDON_ASSERT(finding->txns[txn] < history->txn_count);
        }
    }
}

/* The same history again, from what was written of it. */
static void check_lines(const struct history *history, const struct history_report *report)
{
    CORDON_CLEANUP_BUFFER struct buffer lines;
    CORDON_CLEANUP_HISTORY struct history again;
    CORDON_CLEANUP_REPORT struct history_report report_again;
    buffer_init(&lines, SIZE_MAX);
    history_init(&again, BYTES_MAX);
    for (size_t i = 0; i < history->txn_count; i++) {
        cordon_error *const error = history_write_line(&lines, history, i);
        CORDON_ASSERT(error == NULL);
    }
    cordon_error *const error = history_read_lines(&again, buffer_slice(&lines));
    CORDON_ASSERT(error == NULL);
    CORDON_ASSERT(again.txn_count == history->txn_count && again.op_count == history->op_count);
    const bool good = check(&again, &report_again);
    CORDON_ASSERT(good);
    CORDON_ASSERT(memcmp(report->counts, report_again.counts, sizeof report->counts) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CORDON_CLEANUP_HISTORY struct history history;
    CORDON_CLEANUP_REPORT struct history_report report;
    history_init(&history, BYTES_MAX);
    report_init(&report);
    cordon_error *const error = history_read_lines(&history, slice_of(data, size));
    if (error != NULL) {
        CORDON_ASSERT(cordon_error_get_message(error)[0] != '\0');
        cordon_error_free(error);
        return 0;
    }
    if (check(&history, &report)) {
        check_report(&history, &report);
        check_lines(&history, &report);
    }
    return 0;
}
