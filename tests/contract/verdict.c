/* Verdicts on histories; see verdict.h. */
#include "contract/verdict.h"

#include "contract/harness.h"
#include "history/check.h"
#include "history/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void leave_history(const struct history *history)
{
    const char *const base = getenv("TMPDIR");
    char path[256];
    (void)snprintf(path, sizeof path, "%s/cordon-history-XXXXXX", base == NULL ? "/tmp" : base);
    const int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    FILE *const file = fdopen(fd, "w");
    REQUIRE(file != NULL);
    for (size_t i = 0; i < history->txn_count; i++) {
        CORDON_CLEANUP_BUFFER struct buffer line;
        buffer_init(&line, HISTORY_LINE_BYTES_MAX);
        OK(history_write_line(&line, history, i));
        REQUIRE(fwrite(line.data, 1, line.size, file) == line.size);
    }
    REQUIRE(fclose(file) == 0);
    (void)fprintf(stderr, "the history is in %s\n", path);
}

void expect_serializable(const struct history *history, const char *name)
{
    CORDON_CLEANUP_REPORT struct history_report report;
    report_init(&report);
    OK(history_check(history, VERDICT_BYTES_MAX, &report));
    for (size_t i = 0; i < report.finding_count; i++) {
        (void)fprintf(stderr, "%.*s\n", SLICE_FMT(report.findings[i].text));
    }
    if (report_total(&report) > 0) {
        leave_history(history);
    }
    REQUIRE(report_total(&report) == 0);
    (void)printf(
        "%s: %" PRIu64 " transactions checked, %" PRIu64 " edges\n", name, report.checked,
        report.edges);
}
