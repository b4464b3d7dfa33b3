/* Notes that wait; see note_queue.h. */
#include "run/audit/note_queue.h"

#include "base/memory.h"
#include "run/audit/audit_rows.h"

#include <string.h>

#define TURN_BYTES ((size_t)64 << 10)

struct note {
    struct note *next;
    bool is_of_settings;
    size_t size;
    uint8_t body[];
};

/* Those of one turn, in order from the first that waits; whoever takes them out is who has them. */
struct turn {
    size_t count;
    struct note *notes[AUDIT_ROWS_MAX];
    struct audit_row rows[AUDIT_ROWS_MAX];
    bool written[AUDIT_ROWS_MAX];
};

void note_queue_init(struct note_queue *queue)
{
    *queue = (struct note_queue){.first = NULL};
    queue->last = &queue->first;
    (void)pthread_mutex_init(&queue->lock, NULL);
}

void note_queue_done(struct note_queue *queue)
{
    while (queue->first != NULL) {
        struct note *note = queue->first;
        queue->first = note->next;
        mem_free(note);
    }
    (void)pthread_mutex_destroy(&queue->lock);
}

bool note_queue_add(struct note_queue *queue, const struct audit_row *row, size_t bytes_max)
{
    const struct slice body = row->body;
    struct note *note = mem_new(sizeof *note + body.size);
    if (note == NULL) {
        return false;
    }
    note->next = NULL;
    note->is_of_settings = row->is_of_settings;
    note->size = body.size;
    memcpy(note->body, body.data, body.size);
    (void)pthread_mutex_lock(&queue->lock);
    const bool has_room = queue->bytes <= bytes_max && body.size <= bytes_max - queue->bytes;
    if (has_room) {
        *queue->last = note;
        queue->last = &note->next;
        queue->bytes += note->size;
        note = NULL;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    mem_free(note);
    return has_room;
}

size_t note_queue_bytes(struct note_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    const size_t bytes = queue->bytes;
    (void)pthread_mutex_unlock(&queue->lock);
    return bytes;
}

static void look_at_first(struct note_queue *queue, struct turn *turn)
{
    size_t bytes = 0;
    (void)pthread_mutex_lock(&queue->lock);
    for (struct note *note = queue->first; note != NULL && turn->count < AUDIT_ROWS_MAX;
         note = note->next) {
        bytes += note->size;
        if (bytes > TURN_BYTES && turn->count > 0) {
            break;
        }
        turn->notes[turn->count] = note;
        turn->rows[turn->count++] =
            (struct audit_row){slice_of(note->body, note->size), note->is_of_settings};
    }
    (void)pthread_mutex_unlock(&queue->lock);
}

static size_t drop_written(struct note_queue *queue, const struct turn *turn)
{
    size_t bytes = 0;
    (void)pthread_mutex_lock(&queue->lock);
    struct note **at = &queue->first;
    for (size_t i = 0; i < turn->count; i++) {
        struct note *note = turn->notes[i];
        if (turn->written[i]) {
            *at = note->next;
            bytes += note->size;
            mem_free(note);
        } else {
            at = &note->next;
        }
    }
    if (*at == NULL) {
        queue->last = at;
    }
    queue->bytes -= bytes;
    (void)pthread_mutex_unlock(&queue->lock);
    return bytes;
}

cordon_error *note_queue_write(
    struct note_queue *queue, struct store *store, uint32_t tenant, size_t *out_bytes)
{
    struct turn turn = {.count = 0};
    look_at_first(queue, &turn);
    cordon_error *error = audit_rows_add_all(store, tenant, turn.rows, turn.count, turn.written);
    *out_bytes = drop_written(queue, &turn);
    return error;
}
