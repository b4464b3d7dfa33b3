/* See ground.h. */
#include "fault/ground.h"

#include "audit/checkpoint.h"
#include "contract/harness.h"

#include <stdio.h>
#include <string.h>

static cordon_module read_guest(const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s.wasm", CORDON_TEST_GUESTS, name);
    FILE *file = fopen(path, "rbe");
    REQUIRE(file != NULL);
    REQUIRE(fseek(file, 0, SEEK_END) == 0);
    const size_t size = (size_t)ftell(file);
    rewind(file);
    void *bytes = malloc(size);
    REQUIRE(bytes != NULL && fread(bytes, 1, size, file) == size);
    (void)fclose(file);
    return (cordon_module){.name = name, .data = bytes, .size = size};
}

struct guests ground_read(const char *const names[GUESTS_MAX])
{
    struct guests guests = {0};
    for (size_t i = 0; i < GUESTS_MAX && names[i] != NULL; i++) {
        guests.modules[guests.count++] = read_guest(names[i]);
    }
    return guests;
}

void ground_free(struct guests *guests)
{
    for (size_t i = 0; i < guests->count; i++) {
        free((void *)(uintptr_t)guests->modules[i].data);
    }
}

static cordon_host_answer tell_price(void *arg, cordon_host_call *call)
{
    (void)arg;
    cordon_host_call_reply(call, "{\"cents\":250}", strlen("{\"cents\":250}"));
    return CORDON_HOST_DONE;
}

cordon_error *ground_open(const struct torture *torture, cordon_runtime **out_runtime)
{
    static const cordon_host_function price = {
        .size = sizeof price,
        .module = "shop",
        .name = "price",
        .kinds = CORDON_HOST_ACTIONS,
        .call = tell_price,
    };
    static const cordon_host_function *const functions[] = {&price};
    const cordon_runtime_options options = {
        .size = sizeof options,
        .data_folder = torture->folder,
        .compile_worker = COMPILE_WORKER,
        .slots = 8,
        .flusher_thread = true,
        .host_functions = functions,
        .host_function_count = 1,
    };
    return cordon_runtime_new(&options, out_runtime);
}

cordon_error *ground_deploy(cordon_runtime *runtime, const struct guests *guests)
{
    char *report = NULL;
    cordon_error *error = cordon_deploy(runtime, guests->modules, guests->count, &report);
    cordon_free(report);
    return error;
}

/* What every road leaves behind it. */
void ground_require_rest(const struct torture *torture, const cordon_runtime *runtime)
{
    const struct runner_counts counts = runner_get_counts(runtime->runner);
    TORTURE_REQUIRE(torture, counts.permits_used == 0 && counts.permits_waiting == 0);
    TORTURE_REQUIRE(torture, counts.slots_used == 0);
    TORTURE_REQUIRE(torture, counts.nests_used == 0 && counts.nests_waiting == 0);
    TORTURE_REQUIRE(torture, counts.memory_used == 0);
}

/* Of what was done: a server signs the log besides, whenever it ends. */
/* Of what a server writes by itself: checkpoints, and which keys there are. */
static bool is_own(struct slice body)
{
    return audit_is_checkpoint(body) || slice_starts_with(body, SLICE("{\"kind\":\"key"));
}

uint64_t ground_audit_records(struct store *store)
{
    struct client client;
    struct audit_record record;
    uint64_t count = 0;
    client_begin(&client, store, TENANT_DEFAULT);
    for (uint64_t next = 1; client_audit(&client, next, &record); next++) {
        count += is_own(record.body) ? 0 : 1;
    }
    client_end(&client);
    return count;
}

static uint64_t count_documents(struct client *client)
{
    uint32_t table = 0;
    if (!client_find(client, "things", &table)) {
        return 0;
    }
    enum store_step step = STORE_DONE;
    struct store_scan *scan = NULL;
    struct slice body = {0};
    uint64_t count = 0;
    bool found = true;
    OK(store_scan_open(client->txn, STORE_WHOLE_TABLE(table, STORE_ASCENDING), &scan));
    while (found) {
        OK(store_scan_next(scan, &step, &found, &body));
        REQUIRE(step == STORE_DONE);
        count += found ? 1 : 0;
    }
    store_scan_close(scan);
    return count;
}

/* Each mutation has all its documents and its record; one that failed has at most the record. */
void ground_check(const struct torture *torture, struct store *store)
{
    const uint64_t records = ground_audit_records(store);
    struct client client;
    client_begin(&client, store, TENANT_DEFAULT);
    const uint64_t documents = count_documents(&client);
    const uint64_t done = documents / DOCUMENTS;
    TORTURE_REQUIRE(torture, documents % DOCUMENTS == 0);
    TORTURE_REQUIRE(torture, done >= torture->acknowledged);
    TORTURE_REQUIRE(torture, done <= torture->acknowledged + torture->in_doubt);
    TORTURE_REQUIRE(torture, records >= torture->memo + done);
    TORTURE_REQUIRE(torture, records <= torture->memo + torture->taken + torture->in_doubt);
    client_end(&client);
}
