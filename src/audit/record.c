/* Audit records as text; see record.h. */
#include "audit/record.h"

#include "value/json.h"

#define DAMAGED_END ",\"damaged\":true}"

/* Of a body that the keeper of the log writes; and of its JSON in memory. */
enum { KEEPERS_BODY_BYTES_MAX = 2048, KEEPERS_MEMORY_BYTES = 65536 };

cordon_error *audit_record_write(struct buffer *out, const struct audit_record *record)
{
    char previous[2 * SHA256_BYTES + 1];
    char hash[2 * SHA256_BYTES + 1];
    hex_encode(slice_of(record->previous, SHA256_BYTES), previous);
    hex_encode(slice_of(record->hash, SHA256_BYTES), hash);
    TRY(buffer_printf(
        out, "{\"sequence\":%llu,\"ts\":\"%llu\",\"previous\":\"%s\",\"hash\":\"%s\",\"body\":",
        (unsigned long long)record->sequence, (unsigned long long)record->ts, previous, hash));
    TRY(buffer_append(out, record->body));
    return buffer_append(out, SLICE("}\n"));
}

cordon_error *audit_record_write_damaged(struct buffer *out, uint64_t sequence)
{
    return buffer_printf(out, "{\"sequence\":%llu" DAMAGED_END "\n", (unsigned long long)sequence);
}

/* Takes a text off the front of the line. */
static bool take(struct slice *line, struct slice text)
{
    if (!slice_starts_with(*line, text)) {
        return false;
    }
    *line = slice_from(*line, text.size);
    return true;
}

/* Takes a number: decimal digits, no zero in front. */
static bool take_number(struct slice *line, uint64_t *out_number)
{
    uint64_t number = 0;
    size_t size = 0;
    for (; size < line->size && line->data[size] >= '0' && line->data[size] <= '9'; size++) {
        const uint64_t digit = (uint64_t)line->data[size] - '0';
        if (number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    if (size == 0 || (size > 1 && line->data[0] == '0')) {
        return false;
    }
    *line = slice_from(*line, size);
    *out_number = number;
    return true;
}

/* Takes a hash as it is written: small letters, so that a record has one line alone. */
static bool take_hash(struct slice *line, uint8_t out_hash[SHA256_BYTES])
{
    const size_t digits = (size_t)2 * SHA256_BYTES;
    char written[2 * SHA256_BYTES + 1];
    if (line->size < digits || !hex_decode(slice_of(line->data, digits), out_hash, SHA256_BYTES)) {
        return false;
    }
    hex_encode(slice_of(out_hash, SHA256_BYTES), written);
    return take(line, slice_str(written));
}

bool audit_record_read(struct slice line, struct audit_record *out_record)
{
    struct audit_record record = {0};
    if (!take(&line, SLICE("{\"sequence\":")) || !take_number(&line, &record.sequence) ||
        !take(&line, SLICE(",\"ts\":\"")) || !take_number(&line, &record.ts) ||
        !take(&line, SLICE("\",\"previous\":\"")) || !take_hash(&line, record.previous) ||
        !take(&line, SLICE("\",\"hash\":\"")) || !take_hash(&line, record.hash) ||
        !take(&line, SLICE("\",\"body\":")) || line.size < 1 || line.data[line.size - 1] != '}') {
        return false;
    }
    record.body = slice_of(line.data, line.size - 1);
    *out_record = record;
    return true;
}

bool audit_record_is_damaged(struct slice line, uint64_t *out_sequence)
{
    return take(&line, SLICE("{\"sequence\":")) && take_number(&line, out_sequence) &&
           slice_equal(line, SLICE(DAMAGED_END));
}

static void store64(uint8_t *at, uint64_t number)
{
    for (int i = 7; i >= 0; i--) {
        *at++ = (uint8_t)(number >> (8 * i));
    }
}

void audit_record_hash(const struct audit_record *record, uint8_t out_hash[SHA256_BYTES])
{
    uint8_t numbers[16];
    store64(numbers, record->sequence);
    store64(numbers + 8, record->ts);
    const struct slice parts[] = {
        slice_of(numbers, sizeof numbers), slice_of(record->previous, SHA256_BYTES), record->body};
    hash_sha256(parts, sizeof parts / sizeof parts[0], out_hash);
}

cordon_error *audit_body_parse(struct slice body, struct json_doc **out_doc)
{
    const struct json_limits limits = {.bytes_max = KEEPERS_MEMORY_BYTES, .depth_max = 1};
    *out_doc = NULL;
    if (body.size > KEEPERS_BODY_BYTES_MAX) {
        return NULL;
    }
    cordon_error *error = json_parse(body, &limits, out_doc);
    if (error != NULL && cordon_error_get_code(error) != CORDON_E_NO_MEMORY) {
        cordon_error_free(error);
        return NULL;
    }
    return error;
}
