/*
 * The gate, against a guest that may ask for anything: every host call, with any pointer, length
 * and text, over a memory of any size, in any order, by functions of each kind.
 *
 * The input is a text of lines, so that a person can read and write one:
 *
 *   mutation 4096             the kind of function, and the bytes of its memory; the first line
 *   run                       the import phase ends, the function begins
 *   call NAME A B C D         a host call, with numbers as its arguments
 *   json NAME TEXT            the same with a text, which is put to the start of memory
 *   put AT TEXT               bytes into memory, as far as they fit
 *   grow BYTES                a larger memory, elsewhere
 *   good TEXT, bad TEXT       how the next call of another function ends
 *   limit NAME NUMBER         a lower limit, by its name in the table
 *   cancel                    nobody waits for the run any more
 *
 * NAME is a field of the import table, or a number for one. In a TEXT `@` stands for the last
 * document id that a reply had, and `~` for the last cursor or query id.
 *
 * What must hold: no byte outside of a block is touched (the sanitizer sees to that), and of memory
 * none but the declared range of a call that fills it; an answer is good, or a refusal whose reply
 * has code and words, or the end of the run with a reason; fuel only falls; whoever may not make a
 * call is told so; at the end all that was charged was given back; and a replay of it all, from the
 * tape alone, gives the same answers for the same fuel.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/seal.h"
#include "host/env_vars.h"
#include "host/gate.h"
#include "host/operations.h"

#include <ctype.h>
#include <stdio.h>

enum { TENANT = 1, MEMORY_BYTES_MAX = 160 << 10, NAME_BYTES_MAX = 128, CALL_SLOTS = 4 };
#define FUEL ((uint64_t)20000000)
#define HOST_BYTES ((uint64_t)32 << 20)

/* -- A guest without an engine --------------------------------------------------------------- */

struct engine_guest {
    uint8_t *memory;
    uint64_t size;
    uint64_t fuel;
};

uint8_t *engine_guest_memory(struct engine_guest *guest, uint64_t *out_size)
{
    *out_size = guest->size;
    return guest->memory;
}

const struct engine_import *engine_guest_import(const struct engine_guest *guest)
{
    (void)guest;
    return NULL; /* this host has no functions of a program */
}

uint64_t engine_guest_table_elements(const struct engine_guest *guest)
{
    (void)guest;
    return 7;
}

bool engine_charge(struct engine_guest *guest, uint64_t fuel)
{
    if (fuel > guest->fuel) {
        guest->fuel = 0;
        return false;
    }
    guest->fuel -= fuel;
    return true;
}

uint64_t engine_fuel_left(struct engine_guest *guest)
{
    return guest->fuel;
}

/* -- A run ----------------------------------------------------------------------------------- */

struct bench {
    struct engine_guest guest;
    struct budget budget;
    struct run_clock clock;
    struct account account;
    struct host host;
    atomic_bool cancelled;
    bool nested_good;
    struct slice nested_text;
    bool is_over; /* the run has ended */
    struct tape tape;
    struct tape_player player;
    bool is_replay;
    uint64_t hash;    /* of all answers */
    uint8_t *before;  /* what memory held before a call */
    char id[64];      /* for `@` */
    char cursor[512]; /* for `~` */
};

static void must(cordon_error *error)
{
    if (error != NULL) {
        (void)fprintf(stderr, "%s\n", cordon_error_get_message(error));
        abort();
    }
}

static void wake(void *arg)
{
    (void)arg;
}

/* One store for all runs, which commit nothing. */
static struct store *the_store(void)
{
    static struct store *store;
    if (store == NULL) {
        const struct store_options options = {.flusher_thread = false};
        must(store_open_memory(&options, &store));
    }
    return store;
}

static cordon_error *begin_txn(struct bench *bench, struct store_txn **out_txn)
{
    if (bench->is_replay) {
        return store_replay(&bench->player, out_txn);
    }
    struct store_txn *txn = NULL;
    TRY(store_begin(the_store(), TENANT, (struct store_wake){wake, NULL}, &txn));
    return store_record(&txn, &bench->tape, out_txn);
}

static void give_memory(struct bench *bench, uint64_t bytes)
{
    bench->guest = (struct engine_guest){
        .fuel = FUEL, .size = bytes, .memory = malloc(bytes == 0 ? 1 : bytes)};
    bench->before = malloc(MEMORY_BYTES_MAX);
    CORDON_ASSERT(bench->guest.memory != NULL && bench->before != NULL);
    memset(bench->guest.memory, 0x5a, bytes);
}

/* Who has signed in; a replay has that from its tape, too. */
#define IDENTITY "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"

/* Environment variables; a replay has them from its tape. */
static const struct env_vars *variables(void)
{
    static struct env_vars *vars;
    if (vars == NULL) {
        const struct env_var some[] = {
            {SLICE("GREETING"), SLICE("zwei\n\"Worte\"")}, {SLICE("EMPTY"), SLICE("")}};
        must(env_vars_new(some, sizeof some / sizeof some[0], &vars));
    }
    return vars;
}

/* A run that is recorded, or the replay of one, with what it was cut by. */
static void begin(
    struct bench *bench, cordon_kind kind, uint64_t memory_bytes, const struct host_cut *cut)
{
    static const struct limit_changes none = {0};
    static const uint8_t cursor_key[SEAL_KEY_BYTES] = {7};
    give_memory(bench, memory_bytes);
    budget_init(&bench->budget, kind, &none);
    account_init(&bench->account, HOST_BYTES, NULL);
    struct host_options options = {
        .kind = kind,
        .budget = &bench->budget,
        .clock = &bench->clock,
        .args = SLICE("[{\"n\":1}]"),
        .account = &bench->account,
        .cancelled = &bench->cancelled,
        .time_ns = 1700000000000000000,
        .import_time_ns = 1600000000000000000,
        .real_clock = kind == CORDON_ACTION,
        .started_ns = clock_monotonic_ns(),
        .turns_ns = UINT64_MAX,
        .tape = bench->is_replay ? NULL : &bench->tape,
        .player = bench->is_replay ? &bench->player : NULL,
        .cut = cut,
        .cursor_key = bench->is_replay ? NULL : cursor_key,
        .tenant = TENANT,
        .env = bench->is_replay ? NULL : variables(),
        .identity = bench->is_replay ? slice_of(NULL, 0) : SLICE(IDENTITY),
    };
    if (kind != CORDON_ACTION) {
        must(begin_txn(bench, &options.txn));
    }
    host_init(&bench->host, &options);
}

/* As run/ reads what the run has said. */
static void read_lines(struct bench *bench)
{
    struct log_lines *log = &bench->host.log;
    cordon_error_free(log_lines_flush(log));
    for (size_t i = 0; i < log->count; i++) {
        bench->hash = hash_fast(log->lines[i], bench->hash);
    }
    bench->hash = hash_fast(log_lines_error_tail(log), bench->hash);
}

static struct host_cut end(struct bench *bench)
{
    const struct host_cut cut = host_get_cut(&bench->host);
    struct store_txn *txn = bench->host.options.txn;
    read_lines(bench);
    host_done(&bench->host);
    CORDON_ASSERT(bench->account.held == 0);
    store_end(&txn);
    free(bench->guest.memory);
    free(bench->before);
    return cut;
}

/* -- What an answer may be ------------------------------------------------------------------- */

static void check_refusal(const struct bench *bench, uint64_t length)
{
    const struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = 128};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    must(json_parse(buffer_slice(&bench->host.reply), &limits, &doc));
    CORDON_ASSERT(length == bench->host.reply.size);
    CORDON_ASSERT(json_string(json_get(json_root(doc), SLICE("code"))).size > 0);
    CORDON_ASSERT(json_string(json_get(json_root(doc), SLICE("message"))).size > 0);
}

static void check_stop(struct bench *bench)
{
    const struct host_stop *stop = &bench->host.stop;
    const bool has_words = stop->code == CORDON_OUTCOME_LIMIT ||
                           stop->code == CORDON_OUTCOME_FAILED || stop->message.size > 0;
    CORDON_ASSERT(stop->exited_well || (stop->code != CORDON_OUTCOME_SUCCESS && has_words));
    bench->is_over = true;
}

/* The host writes to memory what it was asked to write, and where. */
static void check_memory(
    const struct bench *bench, const struct engine_import *import, uint64_t slot0, uint64_t slot1)
{
    const uint64_t size = bench->guest.size;
    const uint64_t from = (uint32_t)slot0 < size ? (uint32_t)slot0 : size;
    const uint64_t end = (uint64_t)(uint32_t)slot0 + (uint32_t)slot1;
    const uint64_t to = end < size ? end : size;
    const uint8_t *memory = bench->guest.memory;
    if (strncmp(import->module, "wasi", 4) == 0) {
        return; /* theirs are the places that their arguments point to */
    }
    CORDON_ASSERT(memcmp(memory, bench->before, from) == 0);
    CORDON_ASSERT(to >= from && memcmp(memory + to, bench->before + to, size - to) == 0);
}

/* What the replies of the store name, for the texts to come. */
static void take_name(struct slice reply, const char *key, char *out, size_t out_size)
{
    const char *at = memmem(reply.data, reply.size, key, strlen(key));
    if (at == NULL) {
        return;
    }
    at += strlen(key);
    const char *const end = (const char *)reply.data + reply.size;
    size_t size = 0;
    while (at + size < end && at[size] != '"' && at[size] != ',' && at[size] != '}') {
        size++;
    }
    (void)snprintf(out, out_size, "%.*s", (int)size, at);
}

static void remember(struct bench *bench)
{
    const struct slice reply = buffer_slice(&bench->host.reply);
    if (reply.size > 0) {
        take_name(reply, "\"_id\":\"", bench->id, sizeof bench->id);
        take_name(reply, "\"queryId\":", bench->cursor, sizeof bench->cursor);
        take_name(reply, "\"continueCursor\":\"", bench->cursor, sizeof bench->cursor);
    }
}

/* -- Calls ----------------------------------------------------------------------------------- */

/* What run/ does for a call that waits. False: it waits for nothing that comes. */
static bool serve_wait(struct bench *bench)
{
    struct host *host = &bench->host;
    if (host->operation.sleeps_until_ns != 0) {
        host->operation.sleeps_until_ns = 1;
        return true;
    }
    if (host->nested.state != NESTED_WANTED) {
        return false;
    }
    host->nested.state = NESTED_DONE;
    host->nested.good = bench->nested_good;
    host->nested.value = bench->nested_good ? SLICE("[1]") : slice_of(NULL, 0);
    host->nested.code = "Failed";
    host->nested.message = bench->nested_text.size > 0 ? bench->nested_text : SLICE("it failed");
    return true;
}

static enum engine_answer enter(
    struct bench *bench, const struct engine_import *import, uint64_t slots[CALL_SLOTS])
{
    uint64_t given[CALL_SLOTS];
    memcpy(given, slots, sizeof given);
    enum engine_answer answer = import->handler(&bench->host, &bench->guest, slots);
    while (answer == ENGINE_WAIT) {
        CORDON_ASSERT(import->may_wait && serve_wait(bench));
        memcpy(slots, given, sizeof given);
        answer = import->handler(&bench->host, &bench->guest, slots);
    }
    return answer;
}

/* What the guest and its caller see of a call. */
static void note(struct bench *bench, enum engine_answer answer, uint64_t slot)
{
    const uint64_t seen[] = {(uint64_t)answer, slot, bench->guest.fuel, bench->host.stop.code};
    bench->hash = hash_fast(slice_of((const uint8_t *)seen, sizeof seen), bench->hash);
    bench->hash = hash_fast(buffer_slice(&bench->host.reply), bench->hash);
    bench->hash = hash_fast(bench->host.stop.message, bench->hash);
    bench->hash = hash_fast(slice_of(bench->guest.memory, bench->guest.size), bench->hash);
}

static void call(
    struct bench *bench, const struct engine_import *import, uint64_t slots[CALL_SLOTS])
{
    if (bench->is_over) {
        return;
    }
    if ((import->kinds & 1u << bench->host.options.kind) == 0) {
        CORDON_ASSERT(host_denied(&bench->host, import) == ENGINE_STOP);
        CORDON_ASSERT(bench->host.stop.code == CORDON_OUTCOME_CAPABILITY_DENIED);
        check_stop(bench);
        return;
    }
    const uint64_t fuel = bench->guest.fuel;
    const uint64_t slot0 = slots[0];
    const uint64_t slot1 = slots[1];
    memcpy(bench->before, bench->guest.memory, bench->guest.size);
    const enum engine_answer answer = enter(bench, import, slots);
    CORDON_ASSERT(bench->guest.fuel < fuel || (answer == ENGINE_STOP && bench->guest.fuel == fuel));
    check_memory(bench, import, slot0, slot1);
    note(bench, answer, slots[0]);
    if (answer == ENGINE_STOP) {
        check_stop(bench);
        return;
    }
    const bool has_status = import->result[0] == 'I' && strcmp(import->params, "ii") == 0;
    if (has_status) {
        CORDON_ASSERT(slots[0] >> 32 <= 1);
    }
    if (has_status && slots[0] >> 32 == 1) {
        check_refusal(bench, (uint32_t)slots[0]);
    }
    remember(bench);
}

/* -- Lines ----------------------------------------------------------------------------------- */

/* The rest of a line, read word by word. */
struct line {
    const char *at;
    const char *end;
};

static struct slice next_word(struct line *line)
{
    while (line->at < line->end && *line->at == ' ') {
        line->at++;
    }
    const char *const begin = line->at;
    while (line->at < line->end && *line->at != ' ') {
        line->at++;
    }
    return slice_of((const uint8_t *)begin, (size_t)(line->at - begin));
}

/* What follows the space behind the last word. */
static struct slice rest_of(struct line *line)
{
    if (line->at < line->end) {
        line->at++;
    }
    return slice_of((const uint8_t *)line->at, (size_t)(line->end - line->at));
}

/* A number from any word; beyond 64 bits it goes round. */
static uint64_t next_number(struct line *line)
{
    const struct slice word = next_word(line);
    uint64_t number = 0;
    for (size_t i = 0; i < word.size; i++) {
        number = 10 * number + (uint64_t)(word.data[i] % 16 % 10);
    }
    return number;
}

static bool is_number(struct slice word)
{
    return word.size > 0 && isdigit(word.data[0]) && memchr(word.data, '/', word.size) == NULL &&
           memchr(word.data, '.', word.size) == NULL;
}

static const struct engine_import *next_import(struct line *line)
{
    size_t count = 0;
    const struct engine_import *imports = host_imports(&count);
    CORDON_ASSERT(count > 0);
    struct line name = *line;
    const struct slice word = next_word(line);
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(word, slice_str(imports[i].name))) {
            return &imports[i];
        }
    }
    return &imports[is_number(word) ? next_number(&name) % count : word.size % count];
}

/* The text with what `@` and `~` stand for; in the buffer. */
static cordon_error *expand(const struct bench *bench, struct slice text, struct buffer *out)
{
    for (size_t i = 0; i < text.size; i++) {
        const char c = (char)text.data[i];
        TRY(c == '@'   ? buffer_append(out, slice_str(bench->id))
            : c == '~' ? buffer_append(out, slice_str(bench->cursor))
                       : buffer_append_byte(out, (uint8_t)c));
    }
    return NULL;
}

/* Bytes into memory, as far as they fit; returns how many did. */
static uint64_t put(struct bench *bench, uint64_t at, struct slice text)
{
    CORDON_CLEANUP_BUFFER struct buffer bytes;
    buffer_init(&bytes, (size_t)1 << 24);
    must(expand(bench, text, &bytes));
    const uint64_t room = at < bench->guest.size ? bench->guest.size - at : 0;
    const uint64_t size = bytes.size < room ? bytes.size : room;
    if (size > 0) {
        memcpy(bench->guest.memory + at, bytes.data, size);
    }
    return size;
}

static void grow(struct bench *bench, uint64_t more)
{
    const uint64_t size = bench->guest.size + more % (MEMORY_BYTES_MAX - bench->guest.size + 1);
    uint8_t *memory = malloc(size == 0 ? 1 : size);
    CORDON_ASSERT(memory != NULL);
    memcpy(memory, bench->guest.memory, bench->guest.size);
    memset(memory + bench->guest.size, 0, size - bench->guest.size);
    free(bench->guest.memory);
    bench->guest.memory = memory;
    bench->guest.size = size;
}

static void do_call(struct bench *bench, struct line *line)
{
    const struct engine_import *import = next_import(line);
    uint64_t slots[CALL_SLOTS];
    for (size_t i = 0; i < CALL_SLOTS; i++) {
        slots[i] = next_number(line);
    }
    call(bench, import, slots);
}

static void do_json(struct bench *bench, struct line *line)
{
    const struct engine_import *import = next_import(line);
    uint64_t slots[CALL_SLOTS] = {0};
    slots[1] = put(bench, 0, rest_of(line));
    call(bench, import, slots);
}

static void do_limit(struct bench *bench, struct line *line)
{
    char name[NAME_BYTES_MAX];
    cordon_limit limit = CORDON_LIMIT_FUEL;
    const struct slice word = next_word(line);
    (void)snprintf(name, sizeof name, "%.*s", SLICE_FMT(word));
    const uint64_t value = next_number(line);
    if (!cordon_limit_find(name, &limit)) {
        return;
    }
    if (limit == CORDON_LIMIT_HOST_BYTES) {
        bench->account.held_max = value < bench->account.held ? bench->account.held
                                  : value < HOST_BYTES        ? value
                                                              : HOST_BYTES;
    } else if (value < bench->budget.allowed[limit] && !limit_is_time(limit)) {
        bench->budget.allowed[limit] = value;
    }
}

static void do_line(struct bench *bench, struct line line)
{
    const struct slice word = next_word(&line);
    if (slice_equal(word, SLICE("call"))) {
        do_call(bench, &line);
    } else if (slice_equal(word, SLICE("json"))) {
        do_json(bench, &line);
    } else if (slice_equal(word, SLICE("put"))) {
        const uint64_t at = next_number(&line);
        (void)put(bench, at, rest_of(&line));
    } else if (slice_equal(word, SLICE("grow"))) {
        grow(bench, next_number(&line));
    } else if (slice_equal(word, SLICE("run")) && !bench->host.running) {
        host_on_running(&bench->host);
    } else if (slice_equal(word, SLICE("limit"))) {
        do_limit(bench, &line);
    } else if (slice_equal(word, SLICE("cancel"))) {
        atomic_store(&bench->cancelled, true);
    } else if (slice_equal(word, SLICE("good")) || slice_equal(word, SLICE("bad"))) {
        bench->nested_good = word.data[0] == 'g';
        bench->nested_text = rest_of(&line);
    }
}

static struct line next_line(struct line *text)
{
    const char *newline = memchr(text->at, '\n', (size_t)(text->end - text->at));
    const struct line line = {text->at, newline == NULL ? text->end : newline};
    text->at = newline == NULL ? text->end : newline + 1;
    return line;
}

static cordon_kind read_kind(struct slice word)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (slice_equal(word, slice_str(cordon_kind_name((cordon_kind)kind)))) {
            return (cordon_kind)kind;
        }
    }
    return CORDON_MUTATION;
}

/* Does what the lines say; the bench holds a tape, or a player of one. */
static struct host_cut play(struct bench *bench, struct line text, const struct host_cut *cut)
{
    struct line first = next_line(&text);
    const cordon_kind kind = read_kind(next_word(&first));
    begin(bench, kind, next_number(&first) % MEMORY_BYTES_MAX, cut);
    while (text.at < text.end) {
        do_line(bench, next_line(&text));
    }
    return end(bench);
}

static struct bench *bench_new(void)
{
    struct bench *bench = calloc(1, sizeof *bench);
    CORDON_ASSERT(bench != NULL);
    tape_init(&bench->tape, (size_t)64 << 20, NULL);
    return bench;
}

static void bench_free(struct bench *bench)
{
    tape_done(&bench->tape);
    free(bench);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct line text = {(const char *)data, (const char *)data + size};
    if (size == 0) {
        return 0;
    }
    struct bench *bench = bench_new();
    struct bench *again = bench_new();
    const struct host_cut cut = play(bench, text, NULL);
    CORDON_ASSERT(!bench->tape.full);
    again->is_replay = true;
    tape_player_init(&again->player, buffer_slice(&bench->tape.entries), TAPE_WAITS_NEVER);
    (void)play(again, text, &cut);
    CORDON_ASSERT(!again->player.diverged && again->player.rest.size == 0);
    CORDON_ASSERT(again->hash == bench->hash);
    bench_free(bench);
    bench_free(again);
    return 0;
}
