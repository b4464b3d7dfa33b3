/*
 * What the server says of its own health. Alive: its loops go round; where one stands still, a
 * restart helps. Ready: it could do the work of functions now, and does not stop. Where the disk is
 * full it is alive and not ready, as a restart frees nothing.
 *
 * Anybody may ask, by any host name: probes of load balancers name addresses. The public is told a
 * word, the operator all checks. Either costs a look at what the prober has found out.
 */
#include "http/internal.h"

#include "value/json.h"

static cordon_error *write_check(
    struct buffer *out, const char *name, const struct prober_verdict *verdict)
{
    TRY(json_write_comma(out));
    TRY(buffer_printf(
        out, "{\"name\":\"%s\",\"ok\":%s,\"ageMs\":%llu,\"tookMs\":", name,
        verdict->is_good ? "true" : "false", (unsigned long long)(verdict->age_ns / 1000000)));
    TRY(json_write_decimal(out, verdict->took_ns / 1000, 1000));
    if (!verdict->is_good) {
        TRY(buffer_append(out, SLICE(",\"message\":")));
        TRY(json_write_string(out, slice_str(verdict->words)));
    }
    return buffer_append_byte(out, '}');
}

static cordon_error *write_checks(
    struct buffer *out,
    const char *status,
    bool stopping,
    const struct prober_verdict verdicts[PROBER_CHECKS])
{
    TRY(buffer_printf(
        out, "{\"status\":\"%s\",\"stopping\":%s,\"checks\":[", status,
        stopping ? "true" : "false"));
    for (size_t i = 0; i < PROBER_CHECKS; i++) {
        TRY(write_check(out, prober_check_names[i], &verdicts[i]));
    }
    return buffer_append(out, SLICE("]}\n"));
}

cordon_error *health_write(struct connection *connection)
{
    const struct loop *loop = connection->loop;
    struct prober_verdict verdicts[PROBER_CHECKS];
    const bool is_good = prober_look(loop->server->prober, verdicts);
    const bool is_ready = is_good && !loop->stopping;
    const bool is_alive = verdicts[PROBER_LOOPS].is_good;
    const bool asks_ready = connection->route.asks_ready;
    const bool answer = asks_ready ? is_ready : is_alive;
    const char *const status =
        asks_ready ? (is_ready ? "ready" : "unready") : (is_alive ? "alive" : "stuck");
    connection->frame.status = answer ? 200 : 503;
    buffer_clear(&connection->scratch);
    if (connection->is_operator) {
        connection->frame.content_type = "application/json";
        return write_checks(&connection->scratch, status, loop->stopping, verdicts);
    }
    connection->frame.content_type = "text/plain";
    return buffer_printf(&connection->scratch, "%s\n", status);
}
