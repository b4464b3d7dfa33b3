/* Snapshots of other processes; see pin_watch.h. */
#include "run/pin_watch.h"

#include <stdio.h>

#define NS_PER_S ((uint64_t)1000000000)
#define AGAIN_NS (3600 * NS_PER_S)

static void tell(const struct pin_watch *watch, struct log *log, uint64_t age_s)
{
    char words[512];
    (void)snprintf(
        words, sizeof words,
        "process %u has read one snapshot of the data file for %llu s: no page that was freed "
        "since is used again, and the file grows. If it is a `cordon backup` or `cordon verify` "
        "that does not go on, continue it (kill -CONT %u) or end it (kill -KILL %u)",
        watch->pid, (unsigned long long)age_s, watch->pid, watch->pid);
    const struct log_field fields[] = {
        LOG_FIELD_NUMBER("pid", watch->pid),
        LOG_FIELD_NUMBER("seconds", age_s),
        LOG_FIELD_STRING("message", slice_str(words)),
    };
    log_write(log, LOG_WARN, "data_file_pinned", fields, sizeof fields / sizeof fields[0]);
    log_flush(log);
}

uint64_t pin_watch_look(
    struct pin_watch *watch, struct store *store, struct log *log, uint64_t now_ns)
{
    uint32_t pid = 0;
    uint64_t snapshot = 0;
    store_pin_elsewhere(store, &pid, &snapshot);
    if (pid != watch->pid || snapshot != watch->snapshot) {
        *watch = (struct pin_watch){
            .pid = pid,
            .snapshot = snapshot,
            .since_ns = now_ns,
            .tell_ns = now_ns + PIN_WATCH_TOLD_NS,
        };
    }
    if (pid == 0) {
        return 0;
    }
    const uint64_t age_s = (now_ns - watch->since_ns) / NS_PER_S;
    if (now_ns >= watch->tell_ns) {
        watch->tell_ns = now_ns + AGAIN_NS;
        tell(watch, log, age_s);
    }
    return age_s;
}
