/* Ranges of code: a single one in the entry itself, or a list, whose form changed with DWARF 5. */
#include "debug/dwarf_ranges.h"

enum {
    RLE_END_OF_LIST = 0,
    RLE_BASE_ADDRESSX = 1,
    RLE_STARTX_ENDX = 2,
    RLE_STARTX_LENGTH = 3,
    RLE_OFFSET_PAIR = 4,
    RLE_BASE_ADDRESS = 5,
    RLE_START_END = 6,
    RLE_START_LENGTH = 7,
};

bool dwarf_ranges_begin(
    struct dwarf *dwarf,
    const struct dwarf_unit *unit,
    const struct dwarf_entry *entry,
    struct dwarf_ranges *ranges)
{
    *ranges = (struct dwarf_ranges){.dwarf = dwarf, .unit = unit, .list.steps = &dwarf->steps};
    uint64_t offset = 0;
    if (dwarf_ranges_offset(dwarf, unit, entry->values[DWARF_RANGES], &offset)) {
        const struct slice section =
            unit->version >= 5 ? dwarf->sections.rnglists : dwarf->sections.ranges;
        ranges->list = dwarf_cursor_over(section, offset, section.size, &dwarf->steps);
        (void)dwarf_address(dwarf, unit, unit->root.values[DWARF_LOW_PC], &ranges->base);
        return true;
    }
    const struct dwarf_value high = entry->values[DWARF_HIGH_PC];
    if (!dwarf_address(dwarf, unit, entry->values[DWARF_LOW_PC], &ranges->single.low)) {
        return false;
    }
    if (dwarf_number(high, &ranges->single.high)) { /* a size */
        ranges->single.high += ranges->single.low;
        ranges->has_single = true;
    } else {
        ranges->has_single = dwarf_address(dwarf, unit, high, &ranges->single.high);
    }
    return ranges->has_single;
}

/* An address by its distance from the base; not live if the base is that of a function left out. */
static uint32_t from_base(const struct dwarf_ranges *ranges, uint32_t distance)
{
    return ranges->base == 0 || dwarf_is_live(ranges->base) ? ranges->base + distance : 0;
}

/* One item of DWARF 4. False: the list ends. A change of the base gives an empty range. */
static bool take_pair(struct dwarf_ranges *ranges, struct dwarf_range *range)
{
    const uint32_t low = dwarf_take_u32(&ranges->list);
    const uint32_t high = dwarf_take_u32(&ranges->list);
    *range = (struct dwarf_range){0, 0};
    if (ranges->list.bad || (low == 0 && high == 0)) {
        return false;
    }
    if (low == UINT32_MAX) {
        ranges->base = high;
    } else {
        *range = (struct dwarf_range){from_base(ranges, low), from_base(ranges, high)};
    }
    return true;
}

static uint32_t take_indexed(struct dwarf_ranges *ranges)
{
    uint32_t address = 0; /* which is not live */
    (void)dwarf_address_at(ranges->dwarf, ranges->unit, dwarf_take_uleb(&ranges->list), &address);
    return address;
}

/* One item of DWARF 5, the same way. */
static bool take_item(struct dwarf_ranges *ranges, struct dwarf_range *range)
{
    struct dwarf_cursor *c = &ranges->list;
    *range = (struct dwarf_range){0, 0};
    switch (dwarf_take_byte(c)) {
    case RLE_BASE_ADDRESSX:
        ranges->base = take_indexed(ranges);
        break;
    case RLE_STARTX_ENDX:
        range->low = take_indexed(ranges);
        range->high = take_indexed(ranges);
        break;
    case RLE_STARTX_LENGTH:
        range->low = take_indexed(ranges);
        range->high = range->low + dwarf_take_uleb32(c);
        break;
    case RLE_OFFSET_PAIR:
        range->low = from_base(ranges, dwarf_take_uleb32(c));
        range->high = from_base(ranges, dwarf_take_uleb32(c));
        break;
    case RLE_BASE_ADDRESS:
        ranges->base = dwarf_take_u32(c);
        break;
    case RLE_START_END:
        range->low = dwarf_take_u32(c);
        range->high = dwarf_take_u32(c);
        break;
    case RLE_START_LENGTH:
        range->low = dwarf_take_u32(c);
        range->high = range->low + dwarf_take_uleb32(c);
        break;
    case RLE_END_OF_LIST:
    default:
        return false;
    }
    return !c->bad;
}

bool dwarf_ranges_next(struct dwarf_ranges *ranges, struct dwarf_range *out_range)
{
    if (ranges->has_single) {
        ranges->has_single = false;
        *out_range = ranges->single;
        return dwarf_is_live(out_range->low) && out_range->high > out_range->low;
    }
    struct dwarf_range range;
    while (dwarf_has_more(&ranges->list)) {
        const bool is_item =
            ranges->unit->version >= 5 ? take_item(ranges, &range) : take_pair(ranges, &range);
        if (!is_item) {
            break;
        }
        if (dwarf_is_live(range.low) && range.high > range.low) {
            *out_range = range;
            return true;
        }
    }
    dwarf_fail(&ranges->list);
    return false;
}
