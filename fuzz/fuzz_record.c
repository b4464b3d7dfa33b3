/*
 * Records of runs as somebody may have made them: refused with words, or read into fields that lie
 * in their bytes, written and read again as the same, and played to the end of their tape.
 *
 * The first byte of an input says what is done with the rest (MODE_…). A checksum over it all would
 * keep a fuzzer out, so it is made good here, as it is no secret; and the questions that a player
 * is asked are those of the tape itself, one of them perhaps with a change.
 */
#include "run/record/recording.h"
#include "run/run.h"

#include "base/hash.h"
#include "base/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    MODE_SIGNED = 1,  /* the rest is a record but for its checksum, which is put behind it */
    MODE_CHANGED = 2, /* a question differs from the tape's: the replay must leave its record */
    MODE_TAPE = 4,    /* the rest is a tape alone */
    MODE_CHANGE = 8,  /* so many times: how and where, see change_of() */
};

/* What is asked for otherwise: in `entry`, and one of CHANGES ways to; without one, no entry. */
struct change {
    unsigned how;
    uint64_t entry;
};

enum { CHANGES = 6 };

/* Of a record's list of modules, at its longest. */
#define LIST_BYTES_MAX ((size_t)2 * RECORDING_MODULES_MAX * sizeof(struct recorded_module))

static struct change change_of(uint8_t mode)
{
    if ((mode & MODE_CHANGED) == 0) {
        return (struct change){.entry = UINT64_MAX};
    }
    const unsigned number = mode / MODE_CHANGE;
    return (struct change){.how = number % CHANGES, .entry = number / CHANGES};
}

static void must(cordon_error *error)
{
    CORDON_ASSERT(error == NULL);
}

/* Errors have words; which ones is for the tests. */
static void let_go(cordon_error *error)
{
    CORDON_ASSERT(cordon_error_get_message(error)[0] != '\0');
    cordon_error_free(error);
}

static bool lies_in(struct slice part, struct slice whole)
{
    return part.size == 0 || (part.data >= whole.data && part.size <= whole.size &&
                              (size_t)(part.data - whole.data) <= whole.size - part.size);
}

/* -- Tapes ------------------------------------------------------------------------------------ */

/* The question at the front of the tape, if it is one. */
static bool read_question(struct slice tape, struct tape_question *out_question)
{
    struct slice from = tape.size > 0 ? slice_from(tape, 1) : tape;
    *out_question = (struct tape_question){.op = TAPE_BEGIN};
    if (tape.size > 0) {
        out_question->op = (enum tape_op)tape.data[0];
    }
    return unpack_number(&from, &out_question->number[0]) &&
           unpack_number(&from, &out_question->number[1]) &&
           unpack_text(&from, &out_question->text[0]) && unpack_text(&from, &out_question->text[1]);
}

static void change_question(struct tape_question *question, unsigned how)
{
    static const struct slice other = {(const uint8_t *)"other", 5};
    switch (how) {
    case 0:
        question->op = (enum tape_op)((unsigned)question->op % (TAPE_OPS_END - 1) + 1);
        break;
    case 1:
    case 2:
        question->number[how - 1]++;
        break;
    case 3:
    case 4:
        question->text[how - 3] =
            question->text[how - 3].size == 1 ? other : slice_of(other.data, 1);
        break;
    default:
        question->op = TAPE_OPS_END;
        break;
    }
}

static void check_answer(const struct tape_answer *answer, struct slice tape)
{
    CORDON_ASSERT(lies_in(answer->text[0], tape) && lies_in(answer->text[1], tape));
}

/* Asks for the next entry, with a change if it is to have one, and writes it to `copy`. */
static void play_entry(struct tape_player *player, struct change change, struct tape *copy)
{
    const struct slice before = player->rest;
    struct tape_question question;
    struct tape_answer answer = {0};
    const bool good = read_question(before, &question);
    const bool changes = good && player->played == change.entry;
    if (changes) {
        change_question(&question, change.how);
    }
    cordon_error *error = tape_play(player, &question, &answer);
    CORDON_ASSERT((good && !changes) || player->diverged);
    CORDON_ASSERT(!player->diverged || (error != NULL && player->words[0] != '\0'));
    CORDON_ASSERT(player->diverged || player->rest.size < before.size);
    answer.txn_bytes = player->txn_bytes;
    tape_write(copy, &question, &answer, error);
    if (error == NULL) {
        check_answer(&answer, before);
    } else {
        let_go(error);
    }
}

/* To the end or to where the replay leaves it; whether that is the end. */
static bool play(struct slice tape, uint64_t waits_at, struct change change, struct tape *copy)
{
    struct tape_player player;
    tape_player_init(&player, tape, waits_at);
    tape_init(copy, RECORDING_TAPE_BYTES_MAX, NULL);
    while (player.rest.size > 0 && !player.diverged) {
        (void)tape_waits(&player);
        play_entry(&player, change, copy);
    }
    const bool ended = !player.diverged;
    for (int i = 0; i < 2; i++) { /* behind the end, as after a divergence, nothing is answered */
        struct tape_answer answer = {0};
        let_go(tape_play(&player, &(struct tape_question){.op = TAPE_BEGIN}, &answer));
        CORDON_ASSERT(player.diverged);
    }
    return ended;
}

/* What was played from a tape to its end, and written, is the same tape; as in write_again(). */
static void play_again(struct slice tape, uint64_t waits_at, struct change change)
{
    struct tape first;
    struct tape second;
    if (play(tape, waits_at, change, &first)) {
        CORDON_ASSERT(!first.full);
        const struct slice entries = buffer_slice(&first.entries);
        CORDON_ASSERT(
            play(entries, waits_at, change_of(0), &second) && second.count == first.count);
        CORDON_ASSERT(slice_equal(entries, buffer_slice(&second.entries)));
        tape_clear(&second);
        tape_done(&second);
    }
    tape_done(&first);
}

/* -- Records ---------------------------------------------------------------------------------- */

static void check_fields(const struct recording *recording, struct slice bytes)
{
    const struct slice texts[] = {
        recording->path, recording->args, recording->tape, recording->result};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CORDON_ASSERT(lies_in(texts[i], bytes));
    }
    CORDON_ASSERT(recording->module_count > 0 && recording->module_count <= RECORDING_MODULES_MAX);
    for (size_t i = 0; i < recording->module_count; i++) {
        const struct recorded_module *module = &recording->modules[i];
        CORDON_ASSERT(lies_in(module->wasm, bytes));
        CORDON_ASSERT(recording_find_module(recording, module->hash) == module); /* each once */
    }
    CORDON_ASSERT((int)recording->kind < (int)KIND_COUNT);
    CORDON_ASSERT(!recording->cut.is_set || recording->cut.limit < CORDON_LIMIT_COUNT);
    CORDON_ASSERT(recording_request(recording).replay == recording);
}

/* Written anew it is the same record, if not always the same bytes: a number has several forms. */
static void write_again(const struct recording *recording)
{
    CORDON_CLEANUP_BUFFER struct buffer first;
    CORDON_CLEANUP_BUFFER struct buffer second;
    buffer_init(&first, RECORDING_BYTES_MAX);
    buffer_init(&second, RECORDING_BYTES_MAX);
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, LIST_BYTES_MAX);
    struct recording again;
    must(recording_write(recording, &first));
    must(recording_read(buffer_slice(&first), &arena, &again));
    must(recording_write(&again, &second));
    CORDON_ASSERT(slice_equal(buffer_slice(&first), buffer_slice(&second)));
}

/* The words about a difference end, are printable, and are there if and only if there is one. */
static void compare(struct slice was, struct slice is, enum recording_words how)
{
    char words[64] = "";
    CORDON_ASSERT(!recording_differs(was, was, how, words, sizeof words) && words[0] == '\0');
    if (recording_differs(was, is, how, words, sizeof words)) {
        const size_t size = strnlen(words, sizeof words);
        CORDON_ASSERT(size > 0 && size < sizeof words);
        for (size_t i = 0; i < size; i++) {
            CORDON_ASSERT((uint8_t)words[i] >= ' ' && words[i] != 0x7f);
        }
        CORDON_ASSERT(how == WORDS_WITH_VALUES || strchr(words, '"') == NULL);
    }
}

static void read_record(struct slice bytes, struct change change)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, LIST_BYTES_MAX);
    struct recording recording = {0};
    cordon_error *error = recording_read(bytes, &arena, &recording);
    if (error != NULL) {
        CORDON_ASSERT(cordon_error_get_code(error) == CORDON_E_INVALID);
        CORDON_ASSERT(recording.path.data == NULL); /* untouched */
        let_go(error);
        return;
    }
    check_fields(&recording, bytes);
    write_again(&recording);
    compare(recording.result, recording.tape, WORDS_WITH_VALUES);
    compare(recording.result, recording.tape, WORDS_ALONE);
    play_again(recording.tape, recording.tape_count, change);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const uint8_t mode = data[0];
    const struct slice rest = slice_of(data + 1, size - 1);
    if ((mode & MODE_TAPE) != 0) {
        play_again(rest, TAPE_WAITS_NEVER, change_of(mode));
        return 0;
    }
    CORDON_CLEANUP_BUFFER struct buffer record;
    buffer_init(&record, size + SHA256_BYTES);
    must(buffer_append(&record, rest));
    if ((mode & MODE_SIGNED) != 0) {
        uint8_t hash[SHA256_BYTES];
        hash_sha256(&rest, 1, hash);
        must(buffer_append(&record, slice_of(hash, sizeof hash)));
    }
    read_record(buffer_slice(&record), change_of(mode));
    return 0;
}
