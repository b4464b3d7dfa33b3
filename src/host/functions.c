/* Functions of the embedding program; see functions.h. */
#include "host/functions.h"

#include "base/memory.h"
#include "host/gate.h"
#include "value/json.h"

#define ARGS_BYTES_DEFAULT (64u << 10)
#define NAME_BYTES_MAX 64
/* A reply's nesting: more than any value has. */
#define REPLY_DEPTH_MAX 128
#define ALL_KINDS (CORDON_HOST_QUERIES | CORDON_HOST_MUTATIONS | CORDON_HOST_ACTIONS)

struct function {
    struct gate_descriptor descriptor; /* the first: gate_call has it */
    cordon_host_function given;        /* its texts are owned */
    char *label;                       /* "module name", for the tape */
};

struct host_functions {
    struct function *functions;
    struct engine_import *imports; /* those of the host first */
    size_t count;
    size_t import_count;
};

enum call_state {
    CALL_WANTED,   /* the program has not been asked yet */
    CALL_PENDING,  /* it was, and is to be asked again */
    CALL_ANSWERED, /* `reply` is what it said, or `error` says why there is none */
};

struct cordon_host_call {
    struct host *host;
    const struct function *function;
    enum call_state state;
    bool is_refused;
    struct buffer args; /* JSON, an object */
    /*
     * JSON. Nobody pays for it here: it is charged when the guest is given it, once, as by a replay
     * which knows nothing of what the program said before.
     */
    struct buffer reply;
    cordon_error *error;
    void *of_program;
};

/* -- Calls ---------------------------------------------------------------------------------- */

static cordon_error *begin_call(struct host *host, const struct gate_call *gate)
{
    struct cordon_host_call *call = MEM_NEW(struct cordon_host_call);
    if (call == NULL) {
        return error_no_memory();
    }
    call->host = host;
    call->function = (const struct function *)gate->descriptor;
    buffer_init_charged(&call->args, SIZE_MAX, host->options.account);
    buffer_init(&call->reply, SIZE_MAX);
    host->function_call = call;
    return buffer_append(&call->args, gate->input);
}

static void free_call(struct host *host)
{
    struct cordon_host_call *call = CORDON_TAKE(host->function_call);
    buffer_done(&call->args);
    buffer_done(&call->reply);
    cordon_error_free(call->error);
    mem_free(call);
}

void host_function_call_done(struct host *host)
{
    struct cordon_host_call *call = host->function_call;
    if (call == NULL) {
        return;
    }
    const cordon_host_function *given = &call->function->given;
    if (call->state == CALL_PENDING && given->abandon != NULL) {
        given->abandon(given->arg, call);
    }
    free_call(host);
}

/* The reply that is to be, in the place of the one before. */
static struct buffer *begin_reply(cordon_host_call *call, bool is_refused)
{
    cordon_error_free(CORDON_TAKE(call->error));
    buffer_clear(&call->reply);
    call->is_refused = is_refused;
    return &call->reply;
}

bool host_ask_function(struct host *host)
{
    struct cordon_host_call *call = host->function_call;
    if (call == NULL || host->options.player != NULL) {
        return false;
    }
    if (call->state != CALL_ANSWERED) {
        const cordon_host_function *given = &call->function->given;
        call->error = buffer_append(begin_reply(call, false), SLICE("null"));
        const cordon_host_answer answer = given->call(given->arg, call);
        call->state = answer == CORDON_HOST_DONE ? CALL_ANSWERED : CALL_PENDING;
    }
    return call->state == CALL_ANSWERED;
}

/* -- Answers -------------------------------------------------------------------------------- */

static struct tape_question question_of(const struct cordon_host_call *call)
{
    return (struct tape_question){
        .op = TAPE_FUNCTION,
        .text = {slice_str(call->function->label), buffer_slice(&call->args)},
    };
}

/* Gives the guest a reply, or why there is none, and ends the call. */
static enum gate_result end_call(
    struct host *host,
    struct gate_call *gate,
    bool is_refused,
    struct slice reply,
    cordon_error *error)
{
    enum gate_result result = GATE_STOP;
    if (error != NULL) {
        (void)host_stop_error(host, error);
    } else {
        result = gate_reply(host, gate, reply);
    }
    free_call(host);
    return result == GATE_OK && is_refused ? GATE_REFUSED : result;
}

static enum gate_result give_answer(struct host *host, struct gate_call *gate)
{
    struct cordon_host_call *call = host->function_call;
    const struct tape_question question = question_of(call);
    const struct store_txn *txn = host->options.txn;
    const struct tape_answer answer = {
        .found = call->is_refused,
        .text = {buffer_slice(&call->reply)},
        .txn_bytes = txn == NULL ? 0 : store_txn_bytes(txn),
    };
    if (host->options.tape != NULL) {
        tape_write(host->options.tape, &question, &answer, call->error);
    }
    return end_call(host, gate, call->is_refused, answer.text[0], CORDON_TAKE(call->error));
}

/* The same from the tape. */
static enum gate_result replay_answer(struct host *host, struct gate_call *gate)
{
    if (tape_waits(host->options.player)) {
        return GATE_WAIT;
    }
    const struct tape_question question = question_of(host->function_call);
    struct tape_answer answer = {0};
    cordon_error *error = tape_play(host->options.player, &question, &answer);
    return end_call(host, gate, answer.found, answer.text[0], error);
}

static enum gate_result operate(struct host *host, struct gate_call *gate)
{
    if (host->function_call == NULL) {
        GATE_TRY(host, begin_call(host, gate));
    }
    if (host->options.player != NULL) {
        return replay_answer(host, gate);
    }
    return host->function_call->state == CALL_ANSWERED ? give_answer(host, gate) : GATE_WAIT;
}

static enum engine_answer enter(void *run, struct engine_guest *guest, uint64_t *slots)
{
    return gate_enter(run, guest, slots, engine_guest_import(guest)->arg);
}

/* -- For the program ------------------------------------------------------------------------ */

const char *cordon_host_call_get_args(const cordon_host_call *call, size_t *out_size)
{
    *out_size = call->args.size;
    return (const char *)call->args.data;
}

cordon_kind cordon_host_call_get_kind(const cordon_host_call *call)
{
    return call->host->options.kind;
}

static cordon_error *write_refusal(struct buffer *out, const char *code, const char *message)
{
    TRY(buffer_append(out, SLICE("{\"code\":")));
    TRY(json_write_string(out, slice_str(code == NULL ? "" : code)));
    TRY(buffer_append(out, SLICE(",\"message\":")));
    TRY(json_write_string(out, slice_str(message == NULL ? "" : message)));
    return buffer_append_byte(out, '}');
}

void cordon_host_call_refuse(cordon_host_call *call, const char *code, const char *message)
{
    call->error = write_refusal(begin_reply(call, true), code, message);
}

void cordon_host_call_reply(cordon_host_call *call, const char *json, size_t size)
{
    const struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = REPLY_DEPTH_MAX};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        json_parse(slice_of(json, json == NULL ? 0 : size), &limits, &doc);
    if (error != NULL && cordon_error_get_code(error) == CORDON_E_BAD_JSON) {
        cordon_host_call_refuse(call, "InvalidHostReply", cordon_error_get_message(error));
    } else if (error != NULL) {
        (void)begin_reply(call, false);
        call->error = CORDON_TAKE(error);
    } else {
        call->error = buffer_append(begin_reply(call, false), slice_of(json, size));
    }
}

void cordon_host_call_set_state(cordon_host_call *call, void *state)
{
    call->of_program = state;
}

void *cordon_host_call_get_state(const cordon_host_call *call)
{
    return call->of_program;
}

void cordon_host_call_wake(cordon_host_call *call)
{
    const struct store_wake *wake = &call->host->options.wake;
    wake->call(wake->arg);
}

/* -- The table ------------------------------------------------------------------------------ */

static bool is_name(const char *text)
{
    if (text == NULL || text[0] == '\0' || strlen(text) > NAME_BYTES_MAX) {
        return false;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~') {
            return false;
        }
    }
    return true;
}

/* Those of the host, today's and tomorrow's. */
static bool is_taken(const char *module)
{
    const struct slice name = slice_str(module);
    return slice_equal(name, SLICE("env")) || slice_equal(name, SLICE("convex")) ||
           slice_starts_with(name, SLICE("convex/")) || slice_starts_with(name, SLICE("wasi"));
}

static cordon_error *check_function(
    const struct host_functions *functions, const cordon_host_function *given)
{
    if (!is_name(given->module) || !is_name(given->name)) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "function %zu of the program must have a module and a name, each of 1 to %d printable "
            "characters without spaces",
            functions->count, NAME_BYTES_MAX);
    }
    if (is_taken(given->module)) {
        return cordon_error_new(
            CORDON_E_INVALID, "`%s` of `%s`: that module is Cordon's own; choose another name",
            given->name, given->module);
    }
    if (given->kinds == 0 || (given->kinds & ~(unsigned)ALL_KINDS) != 0 || given->call == NULL) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "`%s` of `%s` must have one or more of CORDON_HOST_QUERIES, …_MUTATIONS and …_ACTIONS "
            "as kinds, and a function `call`",
            given->name, given->module);
    }
    for (size_t i = 0; i < functions->count; i++) {
        const cordon_host_function *other = &functions->functions[i].given;
        if (strcmp(other->module, given->module) == 0 && strcmp(other->name, given->name) == 0) {
            return cordon_error_new(
                CORDON_E_INVALID, "`%s` of `%s` is there twice; give one of them another name",
                given->name, given->module);
        }
    }
    return NULL;
}

static cordon_error *make_label(const cordon_host_function *given, char **out_label)
{
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, SIZE_MAX);
    TRY(buffer_printf(&text, "%s %s", given->module, given->name));
    *out_label = mem_copy_string(buffer_slice(&text));
    return *out_label == NULL ? error_no_memory() : NULL;
}

static cordon_error *add_function(
    struct host_functions *functions, const cordon_host_function *given)
{
    TRY(check_function(functions, given));
    struct function *function = &functions->functions[functions->count];
    struct engine_import *import = &functions->imports[functions->import_count];
    function->given = *given;
    function->given.module = mem_copy_string(slice_str(given->module));
    function->given.name = mem_copy_string(slice_str(given->name));
    functions->count++;
    if (function->given.module == NULL || function->given.name == NULL) {
        return error_no_memory();
    }
    TRY(make_label(&function->given, &function->label));
    *import = (struct engine_import){
        .module = function->given.module,
        .name = function->given.name,
        .params = "ii",
        .result = "I",
        .kinds = given->kinds,
        .may_wait = true,
        .handler = enter,
        .arg = function,
    };
    function->descriptor = (struct gate_descriptor){
        .operation = operate,
        .codec = GATE_JSON,
        .size_max = given->args_bytes_max > 0 ? given->args_bytes_max : ARGS_BYTES_DEFAULT,
        .fuel = given->fuel,
        .fuel_per_kib = given->fuel_per_kib,
        .import = import,
    };
    functions->import_count++;
    return NULL;
}

static cordon_error *fill(
    struct host_functions *functions, const cordon_host_function *given, size_t count)
{
    if (count > HOST_FUNCTIONS_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID, "a runtime has at most %d functions of the program; give it fewer",
            HOST_FUNCTIONS_MAX);
    }
    const struct engine_import *own = host_imports(&functions->import_count);
    functions->functions = mem_new_array(count + 1, sizeof *functions->functions);
    functions->imports = mem_new_array(functions->import_count + count, sizeof *functions->imports);
    if (functions->functions == NULL || functions->imports == NULL) {
        return error_no_memory();
    }
    memcpy(functions->imports, own, functions->import_count * sizeof *own);
    for (size_t i = 0; i < count; i++) {
        TRY(add_function(functions, &given[i]));
    }
    return NULL;
}

cordon_error *host_functions_new(
    const cordon_host_function *functions, size_t count, struct host_functions **out_functions)
{
    struct host_functions *made = MEM_NEW(struct host_functions);
    if (made == NULL) {
        return error_no_memory();
    }
    cordon_error *error = fill(made, functions, count);
    if (error != NULL) {
        host_functions_free(made);
        return error;
    }
    *out_functions = made;
    return NULL;
}

void host_functions_free(struct host_functions *functions)
{
    if (functions == NULL) {
        return;
    }
    for (size_t i = 0; i < functions->count; i++) {
        mem_free((void *)(uintptr_t)functions->functions[i].given.module);
        mem_free((void *)(uintptr_t)functions->functions[i].given.name);
        mem_free(functions->functions[i].label);
    }
    mem_free(functions->functions);
    mem_free(functions->imports);
    mem_free(functions);
}

const struct engine_import *host_all_imports(
    const struct host_functions *functions, size_t *out_count)
{
    if (functions == NULL) {
        return host_imports(out_count);
    }
    *out_count = functions->import_count;
    return functions->imports;
}
