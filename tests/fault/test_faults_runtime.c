/*
 * The library under faults: opening, deploying, changing schemas, checking, keeping records, and
 * calls of each kind, recorded ones among them, while each allocation and each call of the machine
 * fails in its turn. What was acknowledged is in the store, also after it was opened again; what
 * was refused is not, or is whole; all counters come to rest; and the next try succeeds.
 */
#include "fault/ground.h"

#include <cordon/record.h>

#include "contract/harness.h"
#include "run/record/recorder.h"
#include "run/record/recording.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- Calls ----------------------------------------------------------------------------------- */

struct call_world {
    cordon_runtime *runtime;
    struct guests guests;
};

struct call_road {
    const char *path;
    const char *args;
    const char *value; /* what it answers; NULL: anything */
    const char *part;  /* what is in the answer; NULL: anything */
    const char *data;  /* or the data of the failure that it must end with */
    bool is_recorded;
    bool has_key;
    bool calls;   /* another function, whose failure becomes the value */
    bool commits; /* what it calls, on its own: an action may end after that */
};

/* The function that was called failed, and the caller was told so. */
static enum torture_answer refused_inside(struct torture *torture, struct slice told)
{
    torture_require_words(torture, told);
    (void)snprintf(torture->words, sizeof torture->words, "%.*s", SLICE_FMT(told));
    if (strstr(torture->words, "\"Internal\"") == NULL &&
        strstr(torture->words, "\"Overloaded\"") == NULL) {
        torture_failed(torture, "another failure inside", told);
    }
    return ANSWER_REFUSED;
}

static enum torture_answer judge(
    struct torture *torture, const struct call_road *road, const cordon_outcome *outcome)
{
    const cordon_outcome_code code = cordon_outcome_get_code(outcome);
    if (code == (road->data == NULL ? CORDON_OUTCOME_SUCCESS : CORDON_OUTCOME_FAILED)) {
        const cordon_text told = road->data == NULL ? cordon_outcome_get_value(outcome)
                                                    : cordon_outcome_get_data(outcome);
        const struct slice found = slice_of((const uint8_t *)told.data, told.size);
        const char *wanted = road->data == NULL ? road->value : road->data;
        if (road->calls && slice_starts_with(found, SLICE("{\"code\":"))) {
            return refused_inside(torture, found);
        }
        if (found.size == 0 || (wanted != NULL && !slice_equal(found, slice_str(wanted))) ||
            (road->part != NULL &&
             memmem(found.data, found.size, road->part, strlen(road->part)) == NULL)) {
            torture_failed(torture, "another answer", found);
        }
        return ANSWER_GOOD;
    }
    const cordon_text message = cordon_outcome_get_message(outcome);
    const struct slice words = slice_of((const uint8_t *)message.data, message.size);
    torture_require_words(torture, words);
    (void)snprintf(torture->words, sizeof torture->words, "%.*s", SLICE_FMT(words));
    if (code != CORDON_OUTCOME_INTERNAL && code != CORDON_OUTCOME_OVERLOADED &&
        code != CORDON_OUTCOME_DISK_FULL) {
        torture_failed(torture, cordon_outcome_get_name(outcome), words);
    }
    return ANSWER_REFUSED;
}

/* The record of a call that is done, read and played again. */
static cordon_error *replay(struct call_world *world, const cordon_call *call)
{
    char *bytes = NULL;
    size_t size = 0;
    TRY(cordon_call_get_record(call, world->guests.modules, world->guests.count, &bytes, &size));
    cordon_record *record = NULL;
    cordon_call *again = NULL;
    char *difference = NULL;
    cordon_error *error = cordon_record_read(bytes, size, &record);
    if (error == NULL) {
        error = cordon_replay_new(world->runtime, record, NULL, NULL, &again);
    }
    if (error == NULL) {
        cordon_call_finish(again);
        error = cordon_replay_get_difference(again, &difference);
    }
    if (error == NULL && difference != NULL) {
        error = cordon_error_new(CORDON_E_INTERNAL, "%s", difference);
    }
    cordon_free(difference);
    cordon_call_free(again);
    cordon_record_free(record);
    cordon_free(bytes);
    return error;
}

static enum torture_answer take_call(
    struct torture *torture, struct call_world *world, const struct call_road *road)
{
    char key[32];
    (void)snprintf(key, sizeof key, "key %llu", (unsigned long long)torture->taken);
    const cordon_request request = {
        .size = sizeof request,
        .path = road->path,
        .args = road->args,
        .record = road->is_recorded,
        .idempotency_key = road->has_key ? key : NULL,
    };
    cordon_call *call = NULL;
    cordon_error *error = cordon_call_new(world->runtime, &request, NULL, NULL, &call);
    if (error != NULL) {
        return torture_refuse(torture, error);
    }
    cordon_call_finish(call);
    const cordon_outcome *outcome = cordon_call_get_outcome(call);
    enum torture_answer answer = judge(torture, road, outcome);
    if (road->commits && cordon_outcome_get_code(outcome) != CORDON_OUTCOME_SUCCESS) {
        torture->in_doubt++;
    }
    if (answer == ANSWER_GOOD && road->is_recorded) {
        error = replay(world, call);
        answer = error == NULL ? ANSWER_GOOD : torture_refuse(torture, error);
    }
    cordon_call_free(call);
    ground_require_rest(torture, world->runtime);
    return answer;
}

/* What is there before. */
static const struct call_road first_mutation = {.path = "counter:add", .value = "1"};

static void open_call_world(struct torture *torture, void **out_world)
{
    static const char *const names[GUESTS_MAX] = {"documents", "counter", "effects",
                                                  "basic",     "relay",   "program"};
    struct call_world *world = calloc(1, sizeof *world);
    REQUIRE(world != NULL);
    world->guests = ground_read(names);
    OK(ground_open(torture, &world->runtime));
    if (torture->taken == 0) {
        OK(ground_deploy(world->runtime, &world->guests));
        TORTURE_REQUIRE(torture, take_call(torture, world, &first_mutation) == ANSWER_GOOD);
        torture->memo = ground_audit_records(world->runtime->store);
    }
    *out_world = world;
}

static void close_call_world(struct torture *torture, void *arg)
{
    (void)torture;
    struct call_world *world = arg;
    cordon_runtime_free(world->runtime);
    ground_free(&world->guests);
    free(world);
}

static const struct call_road query = {.path = "counter:get", .value = "1"};
static const struct call_road action = {.path = "effects:random"};
static const struct call_road failure = {
    .path = "basic:fail", .data = "{\"code\":7,\"why\":[\"x\",null]}"};
static const struct call_road sleep_action = {.path = "effects:sleep", .args = "{\"ms\":1}"};
static const struct call_road mutation = {.path = "documents:insert", .args = "{\"n\":3}"};
static const struct call_road keyed = {
    .path = "documents:insert", .args = "{\"n\":3}", .has_key = true};
static const struct call_road recorded = {
    .path = "documents:insert", .args = "{\"n\":3}", .is_recorded = true};

static const struct call_road program = {
    .path = "program:ask", .value = "{\"cents\":250}", .is_recorded = true};

static const struct call_road calling = {
    .path = "relay:call_mutation",
    .args = "{\"q\":\"{\\\"name\\\":\\\"documents:insert\\\",\\\"args\\\":{\\\"n\\\":3}}\"}",
    .calls = true,
    .commits = true};
static const struct call_road inner = {
    .path = "relay:udf_mutation",
    .args = "{\"q\":\"{\\\"udfType\\\":\\\"mutation\\\",\\\"name\\\":\\\"documents:insert\\\","
            "\\\"args\\\":{\\\"n\\\":3}}\"}",
    .calls = true};

#define CALL_ROAD(name)                                                                            \
    static enum torture_answer take_##name(struct torture *torture, void *world)                   \
    {                                                                                              \
        return take_call(torture, world, &(name));                                                 \
    }
CALL_ROAD(query)
CALL_ROAD(action)
CALL_ROAD(failure)
CALL_ROAD(sleep_action)
CALL_ROAD(mutation)
CALL_ROAD(keyed)
CALL_ROAD(recorded)
CALL_ROAD(program)
CALL_ROAD(calling)
CALL_ROAD(inner)

static void check_mutations(struct torture *torture, void *arg)
{
    const struct call_world *world = arg;
    ground_check(torture, world->runtime->store);
}

static void close_mutations(struct torture *torture, void *world)
{
    close_call_world(torture, world);
    cordon_runtime *again = NULL;
    OK(ground_open(torture, &again));
    ground_check(torture, again->store);
    cordon_runtime_free(again);
}

/* -- Records that are kept ------------------------------------------------------------------- */

/* A kept record is whole: it reads as one. */
static cordon_error *read_kept(const struct call_world *world, struct slice id)
{
    CORDON_CLEANUP_BUFFER struct buffer bytes;
    CORDON_CLEANUP_ARENA struct arena arena;
    buffer_init(&bytes, RECORDING_BYTES_MAX);
    arena_init(&arena, 65536);
    struct recording recording;
    bool found = false;
    struct recorder *recorder = runner_recorder(world->runtime->runner);
    TRY(records_get(recorder_records(recorder), TENANT_DEFAULT, id, &bytes, &found));
    if (!found) {
        return cordon_error_new(CORDON_E_STORE, "a record that was kept is not there");
    }
    return recording_read(buffer_slice(&bytes), &arena, &recording);
}

/* A call whose record is kept before it is answered; then the record is there. */
static enum torture_answer take_kept(struct torture *torture, void *arg)
{
    struct call_world *world = arg;
    const cordon_request request = {.size = sizeof request, .path = "counter:get", .record = true};
    cordon_call *call = NULL;
    cordon_error *error = cordon_call_new(world->runtime, &request, NULL, NULL, &call);
    if (error != NULL) {
        return torture_refuse(torture, error);
    }
    cordon_call_finish(call);
    enum torture_answer answer = judge(torture, &query, cordon_call_get_outcome(call));
    if (answer == ANSWER_GOOD) {
        struct record_id id;
        error = recorder_keep(runner_recorder(world->runtime->runner), api_run_of(call), &id);
        if (error == NULL) {
            error = read_kept(world, slice_str(id.text));
        }
        answer = error == NULL ? ANSWER_GOOD : torture_refuse(torture, error);
    }
    cordon_call_free(call);
    ground_require_rest(torture, world->runtime);
    return answer;
}

/* Each that is listed is whole, whatever became of those that were not kept. */
static void check_kept(struct torture *torture, void *arg)
{
    struct call_world *world = arg;
    CORDON_CLEANUP_BUFFER struct buffer list;
    buffer_init(&list, (size_t)4 << 20);
    struct recorder *recorder = runner_recorder(world->runtime->runner);
    OK(records_list(recorder_records(recorder), TENANT_DEFAULT, &list));
    OK(buffer_append_byte(&list, 0));
    static const char before[] = "\"id\":\"";
    size_t count = 0;
    for (const char *at = strstr((const char *)list.data, before); at != NULL;
         at = strstr(at + 1, before)) {
        OK(read_kept(world, slice_of(at + sizeof before - 1, 32)));
        count++;
    }
    TORTURE_REQUIRE(torture, count > 0 || torture->taken == 0);
}

/* -- Deploying ------------------------------------------------------------------------------ */

static void copy_folder(const char *from, const char *to)
{
    char command[1200];
    (void)snprintf(command, sizeof command, "rm -rf '%s' && cp -r '%s' '%s'", to, from, to);
    REQUIRE(system(command) == 0); /* NOLINT(cert-env33-c): folders of our own making */
}

/* Two sets of functions that follow each other; a deploy that is refused changes nothing. */
struct deploy_sets {
    const char *names[2][GUESTS_MAX];
    struct call_road of_set[2]; /* what is there with one and not with the other */
};

struct deploy_world {
    const struct deploy_sets *sets;
    cordon_runtime *runtime;
    struct guests guests[2];
};

static bool is_deployed(struct torture *torture, const struct deploy_world *world, size_t set)
{
    const struct call_road *road = &world->sets->of_set[set];
    const cordon_request request = {.size = sizeof request, .path = road->path, .args = road->args};
    cordon_call *call = NULL;
    OK(cordon_call_new(world->runtime, &request, NULL, NULL, &call));
    cordon_call_finish(call);
    const cordon_outcome *outcome = cordon_call_get_outcome(call);
    const bool found = cordon_outcome_get_code(outcome) != CORDON_OUTCOME_FUNCTION_NOT_FOUND;
    TORTURE_REQUIRE(torture, !found || judge(torture, road, outcome) == ANSWER_GOOD);
    cordon_call_free(call);
    ground_require_rest(torture, world->runtime);
    return found;
}

/* Which set is there: one, as a whole. */
static uint64_t find_set(struct torture *torture, const struct deploy_world *world)
{
    const bool first = is_deployed(torture, world, 0);
    const bool second = is_deployed(torture, world, 1);
    TORTURE_REQUIRE(torture, first != second);
    return first ? 0 : 1;
}

/*
 * Opens a folder in which a set is deployed, after the other one and a call of it, if there is one.
 * A deploy walks over what those of the last seconds have left, so each fault begins with the same
 * folder, which is kept beside. Once the store was opened anew after a process had ended in the
 * middle, one of both sets is there.
 */
static void open_sets(
    struct torture *torture,
    const struct deploy_sets *sets,
    uint64_t first,
    const struct call_road *before,
    void **out_world)
{
    struct deploy_world *world = calloc(1, sizeof *world);
    REQUIRE(world != NULL);
    world->sets = sets;
    world->guests[0] = ground_read(sets->names[0]);
    world->guests[1] = ground_read(sets->names[1]);
    OK(ground_open(torture, &world->runtime));
    if (torture->taken == 0) {
        struct call_world calls = {.runtime = world->runtime};
        (void)snprintf(torture->kept, sizeof torture->kept, "%s.kept", torture->folder);
        OK(ground_deploy(world->runtime, &world->guests[1]));
        TORTURE_REQUIRE(
            torture, before == NULL || take_call(torture, &calls, before) == ANSWER_GOOD);
        if (first == 0) {
            OK(ground_deploy(world->runtime, &world->guests[0]));
        }
        cordon_runtime_free(world->runtime);
        copy_folder(torture->folder, torture->kept);
        OK(ground_open(torture, &world->runtime));
    }
    torture->memo = find_set(torture, world);
    *out_world = world;
}

static void begin_anew(struct torture *torture, void *arg)
{
    struct deploy_world *world = arg;
    cordon_runtime_free(world->runtime);
    copy_folder(torture->kept, torture->folder);
    OK(ground_open(torture, &world->runtime));
    torture->memo = find_set(torture, world);
}

static void open_deploy_world(struct torture *torture, void **out_world)
{
    static const struct deploy_sets sets = {
        .names = {{"counter", "documents"}, {"basic"}},
        .of_set = {{.path = "counter:get", .value = "0"}, {.path = "basic:echo", .args = "{}"}},
    };
    open_sets(torture, &sets, 0, NULL, out_world);
}

/* Without a schema and with one. */
static void open_schema_world(struct torture *torture, uint64_t first, void **out_world)
{
    static const struct deploy_sets sets = {
        .names = {{"counter"}, {"schema"}},
        .of_set =
            {{.path = "counter:get", .value = "0"},
             {.path = "notes:by_author", .part = "\"author\":\"Ada\""}},
    };
    static const struct call_road note = {
        .path = "notes:add", .args = "{\"author\":\"Ada\",\"text\":\"x\"}"};
    open_sets(torture, &sets, first, &note, out_world);
}

/* A schema comes: the document that is there is checked, and an index filled. */
static void open_without_schema(struct torture *torture, void **out_world)
{
    open_schema_world(torture, 0, out_world);
}

/* It goes, with its index. */
static void open_with_schema(struct torture *torture, void **out_world)
{
    open_schema_world(torture, 1, out_world);
}

static enum torture_answer take_deploy(struct torture *torture, void *arg)
{
    struct deploy_world *world = arg;
    const uint64_t next = 1 - torture->memo;
    cordon_error *error = ground_deploy(world->runtime, &world->guests[next]);
    if (error != NULL) {
        return torture_refuse(torture, error);
    }
    torture->memo = next;
    return ANSWER_GOOD;
}

/* The second set was deployed first, so its number is 1; the first one's is 2. */
static enum torture_answer take_rollback(struct torture *torture, void *arg)
{
    struct deploy_world *world = arg;
    const uint64_t next = 1 - torture->memo;
    char *report = NULL;
    cordon_error *error = cordon_rollback(world->runtime, 2 - next, &report);
    cordon_free(report);
    if (error != NULL) {
        return torture_refuse(torture, error);
    }
    torture->memo = next;
    return ANSWER_GOOD;
}

static void check_deploy(struct torture *torture, void *arg)
{
    struct deploy_world *world = arg;
    TORTURE_REQUIRE(torture, find_set(torture, world) == torture->memo);
}

static void close_deploy_world(struct torture *torture, void *arg)
{
    struct deploy_world *world = arg;
    cordon_runtime_free(world->runtime);
    world->runtime = NULL;
    OK(ground_open(torture, &world->runtime));
    check_deploy(torture, world);
    cordon_runtime_free(world->runtime);
    ground_free(&world->guests[0]);
    ground_free(&world->guests[1]);
    free(world);
}

/* -- Checking ------------------------------------------------------------------------------- */

static enum torture_answer take_check(struct torture *torture, void *arg)
{
    struct call_world *world = arg;
    char *report = NULL;
    cordon_error *error = cordon_check(world->runtime, &world->guests.modules[0], &report);
    if (error != NULL) {
        return torture_refuse(torture, error);
    }
    TORTURE_REQUIRE(torture, strstr(report, "\"documents:insert\"") != NULL);
    cordon_free(report);
    ground_require_rest(torture, world->runtime);
    return ANSWER_GOOD;
}

/* -- Opening -------------------------------------------------------------------------------- */

/* A folder with functions in it; opening it is the road. */
static void open_folder(struct torture *torture, void **out_world)
{
    if (torture->taken == 0) {
        open_call_world(torture, out_world);
        close_call_world(torture, *out_world);
    }
    *out_world = NULL;
}

static void close_folder(struct torture *torture, void *world)
{
    (void)torture;
    (void)world;
}

static enum torture_answer take_opening(struct torture *torture, void *arg)
{
    (void)arg;
    cordon_runtime *runtime = NULL;
    cordon_error *error = ground_open(torture, &runtime);
    if (error != NULL) {
        return torture_refuse(torture, error);
    }
    struct call_world world = {.runtime = runtime};
    const enum torture_answer answer = take_call(torture, &world, &query);
    cordon_runtime_free(runtime);
    return answer;
}

/* -- Environment variables ------------------------------------------------------------------- */

/* Two sets of variables that follow each other; each change is all of it or nothing. */
static const struct {
    const char *changes;
    const char *list;
} of_env[2] = {
    {"{\"changes\":[{\"name\":\"A\",\"value\":\"one\"},{\"name\":\"B\"}]}",
     "[{\"name\":\"A\",\"value\":\"one\"}]"},
    {"{\"changes\":[{\"name\":\"A\"},{\"name\":\"B\",\"value\":\"two\"}]}",
     "[{\"name\":\"B\",\"value\":\"two\"}]"},
};

static cordon_error *change_env(cordon_runtime *runtime, uint64_t set)
{
    return cordon_env_change(runtime, NULL, of_env[set].changes, strlen(of_env[set].changes));
}

/* Which set is there: one, as a whole. */
static uint64_t find_env(struct torture *torture, cordon_runtime *runtime)
{
    char *list = NULL;
    OK(cordon_env_list(runtime, NULL, &list));
    const uint64_t set = strcmp(list, of_env[0].list) == 0 ? 0 : 1;
    TORTURE_REQUIRE(torture, strcmp(list, of_env[set].list) == 0);
    cordon_free(list);
    return set;
}

static void open_env_world(struct torture *torture, void **out_world)
{
    cordon_runtime *runtime = NULL;
    OK(ground_open(torture, &runtime));
    if (torture->taken == 0) {
        OK(change_env(runtime, 0));
    }
    torture->memo = find_env(torture, runtime);
    *out_world = runtime;
}

static enum torture_answer take_env(struct torture *torture, void *runtime)
{
    const uint64_t next = 1 - torture->memo;
    cordon_error *error = change_env(runtime, next);
    if (error != NULL) {
        return torture_refuse(torture, error);
    }
    torture->memo = next;
    return ANSWER_GOOD;
}

static void check_env(struct torture *torture, void *runtime)
{
    TORTURE_REQUIRE(torture, find_env(torture, runtime) == torture->memo);
}

static void close_env_world(struct torture *torture, void *runtime)
{
    cordon_runtime_free(runtime);
    cordon_runtime *again = NULL;
    OK(ground_open(torture, &again));
    check_env(torture, again);
    cordon_runtime_free(again);
}

/* -- Opening after a crash ------------------------------------------------------------------- */

/* A process that made commits and ended without closing anything. */
static void open_torn_folder(struct torture *torture, void **out_world)
{
    char *const whole = torture->folder + strlen(torture->folder);
    *out_world = NULL;
    if (torture->taken > 0) {
        return;
    }
    (void)snprintf(torture->kept, sizeof torture->kept, "%s/torn", torture->folder);
    (void)snprintf(whole, sizeof torture->folder - strlen(torture->folder), "/torn");
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        void *world = NULL;
        open_call_world(torture, &world);
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid && status == 0);
    (void)snprintf(whole, 8, "/data");
}

static void tear_folder(struct torture *torture, void *world)
{
    (void)world;
    copy_folder(torture->kept, torture->folder);
}

/* -- Roads ----------------------------------------------------------------------------------- */

static const struct torture_road roads[] = {
    {.name = "query", open_call_world, close_call_world, .take = take_query},
    {.name = "action", open_call_world, close_call_world, .take = take_action},
    {.name = "failure", open_call_world, close_call_world, .take = take_failure},
    {.name = "sleep", open_call_world, close_call_world, .take = take_sleep_action},
    {.name = "mutation",
     open_call_world,
     close_mutations,
     .take = take_mutation,
     .check = check_mutations},
    {.name = "keyed",
     open_call_world,
     close_mutations,
     .take = take_keyed,
     .check = check_mutations},
    {.name = "calling",
     open_call_world,
     close_mutations,
     .take = take_calling,
     .check = check_mutations},
    {.name = "inner",
     open_call_world,
     close_mutations,
     .take = take_inner,
     .check = check_mutations},
    {.name = "recorded", open_call_world, close_call_world, .take = take_recorded},
    {.name = "program", open_call_world, close_call_world, .take = take_program},
    {.name = "check", open_call_world, close_call_world, .take = take_check},
    {.name = "deploy",
     open_deploy_world,
     close_deploy_world,
     .prepare = begin_anew,
     .take = take_deploy,
     .check = check_deploy,
     .points = 20},
    {.name = "rollback",
     open_deploy_world,
     close_deploy_world,
     .prepare = begin_anew,
     .take = take_rollback,
     .check = check_deploy,
     .points = 20},
    {.name = "schema",
     open_without_schema,
     close_deploy_world,
     .prepare = begin_anew,
     .take = take_deploy,
     .check = check_deploy,
     .points = 20},
    {.name = "no schema",
     open_with_schema,
     close_deploy_world,
     .prepare = begin_anew,
     .take = take_deploy,
     .check = check_deploy,
     .points = 20},
    {.name = "environment", open_env_world, close_env_world, .take = take_env, .check = check_env},
    {.name = "kept", open_call_world, close_call_world, .take = take_kept, .check = check_kept},
    {.name = "opening", open_folder, close_folder, .take = take_opening, .points = 20},
    {.name = "recovery",
     open_torn_folder,
     close_folder,
     .prepare = tear_folder,
     .take = take_opening,
     .points = 20},
};

int main(void)
{
    return torture_suite("faults/runtime", roads, sizeof roads / sizeof roads[0]);
}
