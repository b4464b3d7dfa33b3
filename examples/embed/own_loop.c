/*
 * Calls of functions from an event loop of this program's own, over a store of its own, with no
 * thread but this one:
 *
 *     own_loop COMPILE-WORKER MODULE STORE-FILE PATH ARGS-JSON [PATH ARGS-JSON]...
 *
 * All calls are made at once; each outcome is printed when it is there. The store is a sorted array
 * of rows that every commit writes to its file, whole and synced, before it takes the old one's
 * place: right for a hundred documents, and a beginning for whoever has a database.
 */
#define _GNU_SOURCE
#include <cordon/cordon.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Everything that went wrong outside of the functions themselves. */
static void must(cordon_error *error)
{
    if (error != NULL) {
        fprintf(stderr, "own_loop: %s\n", cordon_error_get_message(error));
        exit(EXIT_FAILURE);
    }
}

static void *allocate(void *old, size_t size)
{
    void *bytes = realloc(old, size > 0 ? size : 1);
    if (bytes == NULL) {
        must(cordon_error_new(CORDON_E_NO_MEMORY, "there is no memory for %zu bytes", size));
    }
    return bytes;
}

/* -- The store ------------------------------------------------------------------------------ */

struct row {
    cordon_text key;
    cordon_text value; /* in the same allocation, behind the key */
};

struct store {
    const char *path;
    struct row *rows; /* in order of keys */
    size_t count;
};

static int compare(cordon_text a, cordon_text b)
{
    const int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* The number of rows with a smaller key. */
static size_t place_of(const struct store *store, cordon_text key)
{
    size_t low = 0;
    size_t high = store->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare(store->rows[middle].key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* With one thread nothing is written while somebody reads: a moment is what there is. */
static cordon_error *snapshot(void *arg, void **out_snapshot)
{
    *out_snapshot = arg;
    return NULL;
}

static void release(void *arg, void *made)
{
    (void)arg;
    (void)made;
}

static cordon_error *find(
    void *arg,
    void *made,
    cordon_text key,
    cordon_store_place place,
    bool *out_found,
    cordon_text *out_key,
    cordon_text *out_value)
{
    const struct store *store = arg;
    (void)made;
    size_t at = place_of(store, key);
    *out_found = place == CORDON_STORE_BEFORE ? at > 0 : at < store->count;
    if (*out_found) {
        at -= place == CORDON_STORE_BEFORE;
        *out_key = store->rows[at].key;
        *out_value = store->rows[at].value;
    }
    return NULL;
}

static void change_row(struct store *store, const cordon_store_change *change)
{
    const size_t at = place_of(store, change->key);
    struct row *row = store->rows + at;
    if (at < store->count && compare(row->key, change->key) == 0) {
        free((void *)row->key.data);
        memmove(row, row + 1, (--store->count - at) * sizeof *row);
    }
    if (change->removes) {
        return;
    }
    store->rows = allocate(store->rows, (store->count + 1) * sizeof *row);
    row = store->rows + at;
    memmove(row + 1, row, (store->count++ - at) * sizeof *row);
    char *bytes = allocate(NULL, change->key.size + change->value.size);
    memcpy(bytes, change->key.data, change->key.size);
    memcpy(bytes + change->key.size, change->value.data, change->value.size);
    row->key = (cordon_text){bytes, change->key.size};
    row->value = (cordon_text){bytes + change->key.size, change->value.size};
}

static bool write_rows(const struct store *store, FILE *file)
{
    for (size_t i = 0; i < store->count; i++) {
        const struct row *row = &store->rows[i];
        const size_t sizes[2] = {row->key.size, row->value.size};
        if (fwrite(sizes, sizeof sizes, 1, file) != 1 ||
            fwrite(row->key.data, 1, sizes[0] + sizes[1], file) != sizes[0] + sizes[1]) {
            return false;
        }
    }
    return fflush(file) == 0 && fsync(fileno(file)) == 0;
}

static cordon_error *commit(void *arg, const cordon_store_change *changes, size_t count)
{
    struct store *store = arg;
    char path[4096];
    snprintf(path, sizeof path, "%s.new", store->path);
    for (size_t i = 0; i < count; i++) {
        change_row(store, &changes[i]);
    }
    FILE *file = fopen(path, "wb");
    const bool written = file != NULL && write_rows(store, file);
    if ((file != NULL && fclose(file) != 0) || !written || rename(path, store->path) != 0) {
        return cordon_error_new(CORDON_E_SYSTEM, "'%s' could not be written", store->path);
    }
    return NULL;
}

/* As commit() wrote it; Cordon's checksums tell of what is not. */
static void read_rows(struct store *store)
{
    FILE *file = fopen(store->path, "rb");
    size_t sizes[2];
    while (file != NULL && fread(sizes, sizeof sizes, 1, file) == 1) {
        char *bytes = allocate(NULL, sizes[0] + sizes[1]);
        const size_t size = fread(bytes, 1, sizes[0] + sizes[1], file);
        if (size == sizes[0] + sizes[1]) {
            change_row(
                store,
                &(cordon_store_change){{bytes, sizes[0]}, {bytes + sizes[0], sizes[1]}, false});
        }
        free(bytes);
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void close_store(void *arg)
{
    struct store *store = arg;
    for (size_t i = 0; i < store->count; i++) {
        free((void *)store->rows[i].key.data);
    }
    free(store->rows);
}

static const cordon_store_functions store_functions = {
    sizeof store_functions, snapshot, release, find, commit, close_store};

/* -- The loop ------------------------------------------------------------------------------- */

struct job {
    cordon_call *call; /* NULL: it is done */
    const char *path;
    bool ready;
    int64_t due_ms; /* of one that waits */
};

static int bell; /* rung by wakes, which may come from any thread where there are several */

static void wake(void *arg)
{
    ((struct job *)arg)->ready = true; /* with more than one thread: under a lock */
    (void)!write(bell, &(uint64_t){1}, sizeof(uint64_t));
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void finish(struct job *job)
{
    char *json = NULL;
    must(cordon_outcome_to_json(cordon_call_get_outcome(job->call), &json));
    printf("%s %s\n", job->path, json);
    cordon_free(json);
    cordon_call_free(job->call);
    job->call = NULL;
}

/* Five milliseconds of one call. A wake that comes meanwhile is not lost. */
static void work(struct job *job)
{
    job->ready = false;
    switch (cordon_call_poll(job->call, 5)) {
    case CORDON_CALL_READY:
        job->ready = true;
        break;
    case CORDON_CALL_WAITING:
        job->due_ms = now_ms() + (int64_t)cordon_call_wait_ms(job->call);
        break;
    case CORDON_CALL_DONE:
        finish(job);
        break;
    }
}

/* Until all are done; a loop of your own has its other descriptors and timers here, too. */
static void run(struct job *jobs, size_t count)
{
    for (;;) {
        int64_t due_ms = INT64_MAX;
        for (size_t i = 0; i < count; i++) {
            if (jobs[i].call != NULL && (jobs[i].ready || jobs[i].due_ms <= now_ms())) {
                work(&jobs[i]);
            }
            if (jobs[i].call != NULL) {
                const int64_t mine_ms = jobs[i].ready ? 0 : jobs[i].due_ms;
                due_ms = mine_ms < due_ms ? mine_ms : due_ms;
            }
        }
        if (due_ms == INT64_MAX) {
            return;
        }
        const int64_t left_ms = due_ms - now_ms();
        struct pollfd descriptor = {.fd = bell, .events = POLLIN};
        poll(&descriptor, 1, left_ms < 0 ? 0 : left_ms > 60000 ? 60000 : (int)left_ms);
        (void)!read(bell, &(uint64_t){0}, sizeof(uint64_t));
    }
}

int main(int argc, char **argv)
{
    static char bytes[16 << 20];
    FILE *file = argc >= 6 && argc % 2 == 0 ? fopen(argv[2], "rb") : NULL;
    if (file == NULL) {
        fputs("usage: own_loop COMPILE-WORKER MODULE STORE-FILE PATH ARGS-JSON...\n", stderr);
        return EXIT_FAILURE;
    }
    const cordon_module module = {argv[2], bytes, fread(bytes, 1, sizeof bytes, file)};
    fclose(file);
    struct store store = {.path = argv[3]};
    read_rows(&store);
    bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    cordon_runtime_options options = {.size = sizeof options, .compile_worker = argv[1]};
    options.store = &store_functions;
    options.store_arg = &store;
    cordon_runtime *runtime = NULL;
    char *report = NULL;
    must(cordon_runtime_new(&options, &runtime));
    must(cordon_load(runtime, &module, 1, &report));
    cordon_free(report);

    const size_t count = (size_t)(argc - 4) / 2;
    struct job *jobs = allocate(NULL, count * sizeof *jobs);
    for (size_t i = 0; i < count; i++) {
        jobs[i] = (struct job){.path = argv[4 + 2 * i], .ready = true};
        const cordon_request request = {
            .size = sizeof request, .path = argv[4 + 2 * i], .args = argv[5 + 2 * i]};
        must(cordon_call_new(runtime, &request, wake, &jobs[i], &jobs[i].call));
    }
    run(jobs, count);
    free(jobs);
    cordon_runtime_free(runtime);
    return EXIT_SUCCESS;
}
