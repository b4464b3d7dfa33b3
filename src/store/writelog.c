/* A ring of commits in order of time; see writelog.h. */
#include "store/writelog.h"

#include "base/memory.h"

static struct log_entry **slot(const struct writelog *log, size_t nth)
{
    return &log->ring[(log->first + nth) & (log->capacity - 1)];
}

const struct log_entry *writelog_at(const struct writelog *log, size_t nth)
{
    CORDON_ASSERT(nth < log->count);
    return *slot(log, nth);
}

void writelog_done(struct writelog *log)
{
    writelog_trim(log, UINT64_MAX);
    mem_free(log->ring);
    *log = (struct writelog){0};
}

cordon_error *writelog_reserve(struct writelog *log)
{
    if (log->count < log->capacity) {
        return NULL;
    }
    const size_t capacity = log->capacity == 0 ? 64 : 2 * log->capacity;
    struct log_entry **ring = mem_new_array(capacity, sizeof(struct log_entry *));
    if (ring == NULL) {
        return error_no_memory();
    }
    for (size_t i = 0; i < log->count; i++) {
        ring[i] = *slot(log, i);
    }
    mem_free(log->ring);
    log->ring = ring;
    log->capacity = capacity;
    log->first = 0;
    return NULL;
}

void writelog_append(struct writelog *log, struct log_entry *entry)
{
    CORDON_ASSERT(log->count < log->capacity);
    CORDON_ASSERT(log->count == 0 || writelog_at(log, log->count - 1)->ts < entry->ts);
    *slot(log, log->count) = entry;
    log->count++;
}

void writelog_trim(struct writelog *log, uint64_t ts)
{
    while (log->count > 0 && writelog_at(log, 0)->ts <= ts) {
        log->floor_ts = writelog_at(log, 0)->ts;
        mem_free(*slot(log, 0));
        log->first = (log->first + 1) & (log->capacity - 1);
        log->count--;
    }
}

size_t writelog_skip(const struct writelog *log, uint64_t ts)
{
    size_t low = 0;
    size_t high = log->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (writelog_at(log, middle)->ts <= ts) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
