/*
 * Log lines as bytes; see log_line.h. A run writes one, so that room is asked for once for a field
 * and not for each of its bytes, and what is the same in most lines is not made for each.
 */
#include "observe/log_line.h"

#include "base/clock.h"
#include "base/hash.h"
#include "value/utf8.h"

#include <inttypes.h>
#include <time.h>

enum {
    HEAD_BYTES = 96,    /* of a line without its event */
    MARKS_BYTES = 8,    /* around a key and a string without escapes */
    FRACTION_BYTES = 4, /* of a duration: the point and three digits */
};

void log_writer_init(struct log_writer *writer, bool text)
{
    *writer = (struct log_writer){.text = text, .time_s = UINT64_MAX};
}

/* -- Where there is room -------------------------------------------------------------------- */

static inline uint8_t *put(uint8_t *at, struct slice bytes)
{
    if (bytes.size > 0) {
        memcpy(at, bytes.data, bytes.size);
    }
    return at + bytes.size;
}

static inline uint8_t *put_byte(uint8_t *at, uint8_t byte)
{
    *at = byte;
    return at + 1;
}

static unsigned count_digits(uint64_t number)
{
    unsigned digits = 1;
    for (uint64_t bound = 10; digits < 20 && number >= bound; bound *= 10) {
        digits++;
    }
    return digits;
}

static inline uint8_t *put_digits(uint8_t *at, uint64_t number, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        at[i - 1] = (uint8_t)('0' + number % 10);
        number /= 10;
    }
    return at + digits;
}

/* Most numbers of a line have one digit. */
static inline uint8_t *put_i64(uint8_t *at, int64_t number)
{
    if (number >= 0 && number < 10) {
        return put_byte(at, (uint8_t)('0' + number));
    }
    if (number < 0) {
        at = put_byte(at, '-');
    }
    const uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    return put_digits(at, size, count_digits(size));
}

/* Microseconds as milliseconds; a duration is not negative. */
static inline uint8_t *put_duration(uint8_t *at, int64_t us)
{
    at = put_byte(put_i64(at, us / 1000), '.');
    return put_digits(at, (uint64_t)(us % 1000), FRACTION_BYTES - 1);
}

static inline uint8_t *put_number(uint8_t *at, int64_t number, bool is_duration)
{
    return is_duration ? put_duration(at, number) : put_i64(at, number);
}

/* What stands before a value. */
static uint8_t *put_key(const struct log_writer *writer, uint8_t *at, struct slice key)
{
    return writer->text ? put_byte(put(put_byte(at, ' '), key), '=')
                        : put(put(put(at, SLICE(",\"")), key), SLICE("\":"));
}

/* The end of `out`, with room behind it. */
static cordon_error *reserve(struct buffer *out, size_t bytes, uint8_t **out_at)
{
    TRY(buffer_reserve(out, bytes));
    *out_at = out->data + out->size;
    return NULL;
}

static void set_end(struct buffer *out, const uint8_t *at)
{
    out->size = (size_t)(at - out->data);
}

/* -- Strings -------------------------------------------------------------------------------- */

/* Characters that move, hide or reorder what stands around them. */
static bool is_unsafe(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0) || code_point == 0x61c ||
           (code_point >= 0x200b && code_point <= 0x200f) ||
           (code_point >= 0x2028 && code_point <= 0x202e) ||
           (code_point >= 0x2060 && code_point <= 0x206f) || code_point == 0xfeff;
}

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* How many characters of its beginning are. */
static size_t count_plain(struct slice text)
{
    size_t plain = 0;
    while (plain < text.size && is_plain(text.data[plain])) {
        plain++;
    }
    return plain;
}

/* One character that is not plain ASCII. `*text` moves past it. */
static cordon_error *write_special(struct buffer *buffer, struct slice *text)
{
    const uint8_t byte = text->data[0];
    if (byte == '"' || byte == '\\') {
        const uint8_t escaped[2] = {'\\', byte};
        *text = slice_from(*text, 1);
        return buffer_append(buffer, slice_of(escaped, 2));
    }
    if (byte == '\n' || byte == '\t') {
        *text = slice_from(*text, 1);
        return buffer_append(buffer, byte == '\n' ? SLICE("\\n") : SLICE("\\t"));
    }
    uint32_t code_point = 0;
    size_t skip = 0;
    const size_t size = utf8_decode(*text, &code_point, &skip);
    if (size == 0) {
        *text = slice_from(*text, skip);
        return buffer_append(buffer, SLICE("\\ufffd"));
    }
    const struct slice character = slice_of(text->data, size);
    *text = slice_from(*text, size);
    if (is_unsafe(code_point)) {
        return buffer_printf(buffer, "\\u%04" PRIx32, code_point);
    }
    return buffer_append(buffer, character);
}

/* A string in quotes, valid JSON and safe to look at. */
static cordon_error *write_string(struct buffer *buffer, struct slice text)
{
    TRY(buffer_append_byte(buffer, '"'));
    for (;;) {
        const size_t plain = count_plain(text);
        TRY(buffer_append(buffer, slice_of(text.data, plain)));
        text = slice_from(text, plain);
        if (text.size == 0) {
            return buffer_append_byte(buffer, '"');
        }
        TRY(write_special(buffer, &text));
    }
}

/* For people: without quotes where nothing needs them. */
static cordon_error *write_word(struct buffer *buffer, struct slice text)
{
    bool bare = text.size > 0;
    for (size_t i = 0; i < text.size && bare; i++) {
        bare = is_plain(text.data[i]) && text.data[i] != ' ' && text.data[i] != '=';
    }
    return bare ? buffer_append(buffer, text) : write_string(buffer, text);
}

/* -- Rows ----------------------------------------------------------------------------------- */

static inline uint8_t *put_column(uint8_t *at, const struct log_column *column, int64_t number)
{
    return put_number(put(at, column->json), number, column->is_duration);
}

/* The object of the columns that recur. */
static void keep(
    struct log_kept *kept, const struct log_columns *columns, const int64_t *numbers, size_t count)
{
    uint8_t *const begin = put(kept->text, columns->recurring);
    uint8_t *at = begin;
    size_t next = 0;
    for (size_t i = 0; i < columns->count; i++) {
        if (columns->list[i].recurs) {
            at = put_column(at, &columns->list[i], numbers[next++]);
        }
    }
    *begin = '{'; /* the first comma */
    at = put_byte(at, '}');
    kept->columns = columns;
    memcpy(kept->numbers, numbers, count * sizeof *numbers);
    kept->size = (size_t)(at - kept->text);
}

/* There is room. */
static uint8_t *put_recurring(
    struct log_writer *writer,
    uint8_t *at,
    const struct log_columns *columns,
    const int64_t *numbers,
    size_t count)
{
    const struct slice bytes = slice_of(numbers, count * sizeof *numbers);
    struct log_kept *const kept = &writer->kept[hash_fast(bytes, 0) % LOG_KEPT_MAX];
    if (kept->columns != columns || memcmp(kept->numbers, bytes.data, bytes.size) != 0) {
        keep(kept, columns, numbers, count);
    }
    return put(at, slice_of(kept->text, kept->size));
}

static cordon_error *write_json_row(
    struct log_writer *writer, struct buffer *out, const struct log_row *row)
{
    const struct log_columns *const columns = row->columns;
    int64_t recurring[LOG_RECURRING_MAX];
    size_t count = 0;
    uint8_t *at = NULL;
    TRY(reserve(out, sizeof writer->kept->text + columns->count * LOG_COLUMN_TEXT_BYTES, &at));
    for (size_t i = 0; i < columns->count; i++) {
        if (!columns->list[i].recurs) {
            at = put_column(at, &columns->list[i], row->numbers[i]);
        } else {
            CORDON_ASSERT(count < LOG_RECURRING_MAX);
            recurring[count++] = row->numbers[i];
        }
    }
    if (count > 0) {
        at = put_recurring(writer, at, columns, recurring, count);
    }
    set_end(out, at);
    return NULL;
}

static cordon_error *write_text_row(
    const struct log_writer *writer, struct buffer *out, const struct log_row *row)
{
    const struct log_columns *const columns = row->columns;
    uint8_t *at = NULL;
    TRY(reserve(out, columns->count * LOG_COLUMN_TEXT_BYTES, &at));
    for (size_t i = 0; i < columns->count; i++) {
        if ((row->details >> i & 1) == 0) {
            const struct log_column *const column = &columns->list[i];
            at = put_key(writer, at, slice_str(column->key));
            at = put_number(at, row->numbers[i], column->is_duration);
        }
    }
    set_end(out, at);
    return NULL;
}

/* -- Lines ---------------------------------------------------------------------------------- */

static cordon_error *write_field(
    struct log_writer *writer, struct buffer *out, const struct log_field *field)
{
    if (field->type == LOG_ROW) {
        return writer->text ? write_text_row(writer, out, field->row)
                            : write_json_row(writer, out, field->row);
    }
    const struct slice key = slice_str(field->key);
    const bool is_string = field->type == LOG_STRING;
    const size_t value_bytes = is_string ? field->string.size : LOG_NUMBER_BYTES;
    uint8_t *at = NULL;
    TRY(reserve(out, key.size + MARKS_BYTES + value_bytes, &at));
    at = put_key(writer, at, key);
    if (is_string && (writer->text || count_plain(field->string) < field->string.size)) {
        set_end(out, at);
        return writer->text ? write_word(out, field->string) : write_string(out, field->string);
    }
    at = is_string ? put_byte(put(put_byte(at, '"'), field->string), '"')
                   : put_number(at, field->number, field->type == LOG_DURATION);
    set_end(out, at);
    return NULL;
}

/* UTC. The text of a second is made once. */
static void set_second(struct log_writer *writer, uint64_t now_s)
{
    const time_t seconds = (time_t)now_s;
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(writer->time_text, sizeof writer->time_text, "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
        writer->time_text[0] = '\0';
    }
    writer->time_s = now_s;
}

/* With milliseconds. */
static uint8_t *put_time(struct log_writer *writer, uint8_t *at, uint64_t now_ns)
{
    if (now_ns / 1000000000 != writer->time_s) {
        set_second(writer, now_ns / 1000000000);
    }
    at = put_byte(put(at, slice_str(writer->time_text)), '.');
    return put_byte(put_digits(at, now_ns / 1000000 % 1000, 3), 'Z');
}

static cordon_error *write_head(
    struct log_writer *writer, struct buffer *out, enum log_level level, const char *event)
{
    static const char *const json_levels[] = {"debug", "info", "warn", "error"};
    static const char *const text_levels[] = {" DEBUG ", " INFO  ", " WARN  ", " ERROR "};
    const struct slice name = slice_str(event);
    uint8_t *at = NULL;
    TRY(reserve(out, name.size + HEAD_BYTES, &at));
    if (writer->text) {
        at = put_time(writer, at, clock_wall_ns());
        at = put(at, slice_str(text_levels[level]));
        at = put(at, name);
    } else {
        at = put_time(writer, put(at, SLICE("{\"time\":\"")), clock_wall_ns());
        at = put(put(at, SLICE("\",\"level\":\"")), slice_str(json_levels[level]));
        at = put_byte(put(put(at, SLICE("\",\"event\":\"")), name), '"');
    }
    set_end(out, at);
    return NULL;
}

cordon_error *log_writer_add(
    struct log_writer *writer,
    struct buffer *out,
    enum log_level level,
    const char *event,
    const struct log_field *fields,
    size_t field_count)
{
    TRY(write_head(writer, out, level, event));
    for (size_t i = 0; i < field_count; i++) {
        if (!writer->text || !fields[i].is_detail) {
            TRY(write_field(writer, out, &fields[i]));
        }
    }
    return buffer_append(out, writer->text ? SLICE("\n") : SLICE("}\n"));
}
