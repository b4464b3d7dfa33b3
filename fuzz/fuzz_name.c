/*
 * Ids, base64 and names from any bytes: each is refused, or is the one text for what it stands for,
 * so that parsing what was printed gives the same again. And what is printed of any bytes is text.
 */
#include "base/memory.h"
#include "value/base64.h"
#include "value/id.h"
#include "value/name.h"
#include "value/printable.h"
#include "value/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_id(struct slice text)
{
    struct document_id id;
    if (document_id_decode(text, &id)) {
        char again[DOCUMENT_ID_TEXT_MAX + 1];
        const size_t size = document_id_encode(&id, again);
        CORDON_ASSERT(slice_equal(text, slice_of(again, size)));
    }
}

static void check_base64(struct slice text, enum base64_alphabet alphabet)
{
    uint8_t *bytes = mem_new(base64_decoded_size_max(text.size));
    CORDON_ASSERT(bytes != NULL);
    size_t size = 0;
    if (base64_decode(text, alphabet, bytes, &size)) {
        CORDON_CLEANUP_BUFFER struct buffer again;
        buffer_init(&again, text.size);
        cordon_error *error = base64_write(&again, slice_of(bytes, size), alphabet);
        CORDON_ASSERT(error == NULL);
        CORDON_ASSERT(slice_equal(text, buffer_slice(&again)));
    }
    mem_free(bytes);
}

static void check_path(struct slice text, struct arena *arena)
{
    struct function_path path = {0};
    cordon_error *error = function_path_parse(text, arena, &path);
    if (error != NULL) {
        CORDON_ASSERT(cordon_error_get_message(error)[0] != '\0');
        cordon_error_free(error);
        return;
    }
    CORDON_ASSERT(name_is_identifier(path.function));
    /* The canonical form names the same function. */
    struct function_path again = {0};
    error = function_path_parse(path.canonical, arena, &again);
    CORDON_ASSERT(error == NULL);
    CORDON_ASSERT(slice_equal(path.text, again.text));
    CORDON_ASSERT(slice_equal(path.canonical, again.canonical));
}

static void check_names(struct slice text, struct arena *arena)
{
    struct function_path path = {0};
    cordon_error *errors[] = {
        name_check_identifier("name", text),
        name_check_field(text),
        name_check_field_path(text),
        function_path_parse_slashes(text, arena, &path),
    };
    CORDON_ASSERT((errors[0] == NULL) == name_is_identifier(text));
    CORDON_ASSERT(errors[0] != NULL || (errors[1] == NULL && errors[2] == NULL));
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        cordon_error_free(errors[i]);
    }
}

/* Valid, one line, and in any room a beginning of the whole. */
static void check_printable(struct slice text)
{
    const struct printable whole = printable(text);
    const struct slice printed = slice_str(whole.text);
    CORDON_ASSERT(utf8_valid(printed) && printed.size < sizeof whole.text);
    for (size_t i = 0; i < printed.size; i++) {
        CORDON_ASSERT(printed.data[i] >= 0x20 && printed.data[i] != 0x7f);
    }
    char room[16];
    const size_t size = strlen(printable_write(text, room, sizeof room));
    CORDON_ASSERT(size < sizeof room && utf8_valid(slice_of(room, size)));
    CORDON_ASSERT(size == printed.size || (size >= 3 && memcmp(room, whole.text, size - 3) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    const struct slice text = slice_of(data, size);
    check_id(text);
    check_base64(text, BASE64_STANDARD);
    check_base64(text, BASE64_URL);
    check_path(text, &arena);
    check_names(text, &arena);
    check_printable(text);
    return 0;
}
