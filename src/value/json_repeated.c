/*
 * Names that an object has twice. Sorted rather than compared each with each: an object of a
 * megabyte may have 100,000 names.
 */
#include "value/json.h"

#include "base/memory.h"

static void mem_freep(struct slice **names)
{
    mem_free(*names);
}

static int compare(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* The names of one object, not of those below it. */
static cordon_error *find_in_object(
    const struct json_node *object, bool *out_found, struct slice *out_name)
{
    const size_t count = json_count(object);
    if (count < 2) {
        return NULL;
    }
    CORDON_CLEANUP(mem_freep) struct slice *names = mem_new_array(count, sizeof *names);
    if (names == NULL) {
        return error_no_memory();
    }
    struct json_walk walk = json_walk_fields(object);
    for (size_t i = 0; i < count; i++) {
        (void)json_next_field(&walk, &names[i]);
    }
    qsort(names, count, sizeof *names, compare);
    for (size_t i = 1; i < count; i++) {
        if (slice_equal(names[i - 1], names[i])) {
            *out_found = true;
            *out_name = names[i];
            return NULL;
        }
    }
    return NULL;
}

static cordon_error *find(const struct json_node *node, bool *out_found, struct slice *out_name)
{
    struct slice name;
    if (json_kind(node) == JSON_OBJECT) {
        TRY(find_in_object(node, out_found, out_name));
    }
    struct json_walk items = json_walk_items(node);
    for (const struct json_node *item; !*out_found && (item = json_next_item(&items)) != NULL;) {
        TRY(find(item, out_found, out_name)); /* as deep as the parser went */
    }
    struct json_walk fields = json_walk_fields(node);
    for (const struct json_node *field;
         !*out_found && (field = json_next_field(&fields, &name)) != NULL;) {
        TRY(find(field, out_found, out_name));
    }
    return NULL;
}

cordon_error *json_find_repeated(
    const struct json_node *node, bool *out_found, struct slice *out_name)
{
    bool found = false;
    struct slice name = {0};
    TRY(find(node, &found, &name));
    *out_found = found;
    if (found) {
        *out_name = name;
    }
    return NULL;
}
