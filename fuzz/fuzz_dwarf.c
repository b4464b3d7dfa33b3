/*
 * Debug information as sections: the input is nine sizes of 16 bits, then that many bytes for each
 * section, the last of which has all that is left. Whatever they say, frames are well formed and
 * their texts lie in the sections, and it ends.
 */
#include "debug/dwarf.h"

#define SECTIONS 9
#define PLACES 64

static void check_text(struct slice text, struct slice input)
{
    CORDON_ASSERT(
        text.size == 0 ||
        (text.data >= input.data && text.data + text.size <= input.data + input.size));
}

static void check_frame(const struct dwarf_frame *frame, struct slice input)
{
    CORDON_ASSERT(frame->line > 0 || frame->column == 0);
    CORDON_ASSERT(frame->line == 0 || frame->file.name.size > 0);
    CORDON_ASSERT(!frame->is_linkage_name || frame->function.size > 0);
    check_text(frame->function, input);
    check_text(frame->file.name, input);
    check_text(frame->file.directory, input);
    check_text(frame->file.base, input);
    check_text(frame->file.home, input);
}

/* Takes the section of that number from the input; what is too long is cut. */
static struct slice section_of(struct slice input, size_t number, struct slice *rest)
{
    size_t size = rest->size;
    if (number + 1 < SECTIONS && input.size >= 2 * SECTIONS) {
        size = (size_t)input.data[2 * number] | (size_t)input.data[2 * number + 1] << 8;
    }
    if (size > rest->size) {
        size = rest->size;
    }
    const struct slice section = slice_of(rest->data, size);
    *rest = slice_from(*rest, size);
    return section;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice input = slice_of(data, size);
    struct slice rest = slice_from(input, size < 2 * SECTIONS ? size : 2 * SECTIONS);
    struct dwarf_sections sections;
    sections.info = section_of(input, 0, &rest);
    sections.abbrev = section_of(input, 1, &rest);
    sections.line = section_of(input, 2, &rest);
    sections.str = section_of(input, 3, &rest);
    sections.line_str = section_of(input, 4, &rest);
    sections.str_offsets = section_of(input, 5, &rest);
    sections.addr = section_of(input, 6, &rest);
    sections.ranges = section_of(input, 7, &rest);
    sections.rnglists = section_of(input, 8, &rest);

    struct dwarf_place places[PLACES];
    for (uint32_t i = 0; i < PLACES; i++) {
        places[i] = (struct dwarf_place){.address = 2 + 5 * i};
    }
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)4 << 20);
    dwarf_resolve(&sections, &arena, places, PLACES);
    for (size_t i = 0; i < PLACES; i++) {
        CORDON_ASSERT(places[i].frame_count <= DWARF_SCOPES_MAX);
        for (size_t k = 0; k < places[i].frame_count; k++) {
            check_frame(&places[i].frames[k], input);
            CORDON_ASSERT(places[i].frames[k].is_inlined == (k + 1 < places[i].frame_count));
        }
    }
    return 0;
}
