/*
 * Edit distance with swaps of neighbours (optimal string alignment), three rows at a time. Names
 * longer than NAME_MAX_SIZE are near to nothing, so the work is bounded whatever is typed.
 */
#include "base/nearest.h"

enum { NAME_MAX_SIZE = 64 };

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(struct slice a, struct slice b)
{
    size_t rows[3][NAME_MAX_SIZE + 1];
    size_t *before = rows[0];
    size_t *above = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= b.size; j++) {
        above[j] = j;
    }
    for (size_t i = 1; i <= a.size; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            const size_t changed = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);
            row[j] = min(changed, min(above[j], row[j - 1]) + 1);
            const bool swapped =
                i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1];
            if (swapped) {
                row[j] = min(row[j], before[j - 2] + 1);
            }
        }
        size_t *const free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[b.size];
}

size_t nearest_name(struct slice name, const char *const *names, size_t count)
{
    size_t nearest = count;
    size_t allowed = name.size < 2 ? 0 : name.size / 3 + (name.size < 3);
    if (name.size > NAME_MAX_SIZE) {
        return count;
    }
    for (size_t i = 0; i < count; i++) {
        const struct slice candidate = slice_str(names[i]);
        if (candidate.size > NAME_MAX_SIZE) {
            continue;
        }
        const size_t far = distance(name, candidate);
        if (far <= allowed && (nearest == count || far < allowed)) {
            nearest = i;
            allowed = far;
        }
    }
    return nearest;
}
