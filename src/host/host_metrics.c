/* Registering; see host_metrics.h. */
#include "host/host_metrics.h"

#include "host/host.h"

#include <stdio.h>

static cordon_error *register_call(
    struct metrics *metrics,
    const struct engine_import *import,
    struct histogram *out_histograms[HOST_CALL_STATUSES])
{
    static const char *const statuses[HOST_CALL_STATUSES] = {
        [HOST_CALL_SUCCESS] = "success",
        [HOST_CALL_DEVELOPER_ERROR] = "developer_error",
        [HOST_CALL_ERROR] = "error",
    };
    const bool is_op = strncmp(import->name, "1.0/", 4) != 0;
    const char *const name = is_op              ? "udf_op_seconds"
                             : import->may_wait ? "udf_async_syscall_seconds"
                                                : "udf_syscall_seconds";
    const char *const help =
        is_op              ? "Time of a call of the host that touches no document, waits included."
        : import->may_wait ? "Time of a call of the host that may wait, its wait included."
                           : "Time of a call of the host that never waits.";
    char labels[128];
    for (int status = 0; status < HOST_CALL_STATUSES; status++) {
        (void)snprintf(
            labels, sizeof labels, "status=\"%s\",%s=\"%s\"", statuses[status],
            is_op ? "op" : "syscall", import->name);
        TRY(metrics_histogram_seconds_sparse(metrics, name, labels, help, &out_histograms[status]));
    }
    return NULL;
}

cordon_error *host_metrics_init(struct host_metrics *host_metrics, struct metrics *metrics)
{
    size_t count = 0;
    const struct engine_import *imports = host_imports(&count);
    CORDON_ASSERT(count <= HOST_CALLS_MAX);
    for (size_t i = 0; i < count; i++) {
        TRY(register_call(metrics, &imports[i], host_metrics->calls[i]));
    }
    return NULL;
}
