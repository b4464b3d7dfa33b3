/*
 * Paths as lists of names. They are texts here: no file is looked at, and a link is not followed.
 */
#include "debug/symbols_path.h"

/* Of names in a path; from deeper ones the front is missing. */
#define NAMES_MAX 64

/* Absolute paths of which nothing better is known are shown by so many names. */
#define NAMES_SHOWN 3

struct path {
    struct slice names[NAMES_MAX];
    size_t count;
    bool is_absolute;
    bool is_windows; /* separated by backslashes too */
};

/* -- Reading -------------------------------------------------------------------------------- */

/* As Windows has it: C:\ or C:/. */
static bool has_drive(struct slice text)
{
    return text.size > 2 && (text.data[0] | 0x20) >= 'a' && (text.data[0] | 0x20) <= 'z' &&
           text.data[1] == ':' && (text.data[2] == '/' || text.data[2] == '\\');
}

/* Adds one name; "." is nothing, and ".." takes the name before away. */
static void add_name(struct path *path, struct slice name)
{
    if (name.size == 0 || slice_equal(name, SLICE("."))) {
        return;
    }
    if (slice_equal(name, SLICE(".."))) {
        const bool has_name =
            path->count > 0 && !slice_equal(path->names[path->count - 1], SLICE(".."));
        if (has_name || path->is_absolute) {
            path->count -= path->count > 0;
            return;
        }
    }
    if (path->count == NAMES_MAX) {
        memmove(path->names, path->names + 1, (NAMES_MAX - 1) * sizeof path->names[0]);
        path->count--;
    }
    path->names[path->count++] = name;
}

/*
 * Goes on from the path so far, or begins anew if the part is absolute. So does what begins with
 * "./" behind a path that is relative itself: there a build has put "." in the place of the folder
 * that all its absolute paths began with.
 */
static void add_part(struct path *path, struct slice part)
{
    if (part.size == 0) {
        return;
    }
    if (has_drive(part) || slice_starts_with(part, SLICE("/"))) {
        *path = (struct path){.is_absolute = true, .is_windows = has_drive(part)};
    } else if (!path->is_absolute && slice_starts_with(part, SLICE("./"))) {
        *path = (struct path){.is_absolute = false};
    }
    size_t start = 0;
    for (size_t i = 0; i <= part.size; i++) {
        if (i == part.size || part.data[i] == '/' || (path->is_windows && part.data[i] == '\\')) {
            add_name(path, slice_of(part.data + start, i - start));
            start = i + 1;
        }
    }
}

/* -- Shortening ----------------------------------------------------------------------------- */

/*
 * Folders that end what a machine adds in front of a file that many have: where the toolchain and
 * cargo keep sources. "*" is any one name. So many of them are shown.
 */
static const struct mark {
    const char *names[4];
    size_t shown;
} marks[] = {
    {{"lib", "rustlib", "src", "rust"}, 0},
    {{"rust", "library"}, 1},      /* where the toolchain's own folder was left out */
    {{"registry", "src", "*"}, 0}, /* behind it "serde-1.0.200" */
    {{"git", "checkouts"}, 0},     /* behind it a name and a revision */
};

static size_t mark_length(const struct mark *mark)
{
    size_t length = 0;
    while (length < 4 && mark->names[length] != NULL) {
        length++;
    }
    return length;
}

static bool stands_at(const struct mark *mark, const struct path *path, size_t at)
{
    const size_t length = mark_length(mark);
    if (at + length >= path->count) { /* there must be more behind it */
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (strcmp(mark->names[i], "*") != 0 &&
            !slice_equal(slice_str(mark->names[i]), path->names[at + i])) {
            return false;
        }
    }
    return true;
}

/* How many names belong to the machine by what they are called; 0: none. */
static size_t count_marked(const struct path *path)
{
    /* What the Rust project compiled: /rustc/<hash>/library/core/src/option.rs. */
    if (path->is_absolute && path->count > 2 && slice_equal(path->names[0], SLICE("rustc"))) {
        return 2;
    }
    for (size_t at = path->count; at-- > 0;) {
        for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
            if (stands_at(&marks[i], path, at)) {
                return at + mark_length(&marks[i]) - marks[i].shown;
            }
        }
    }
    return 0;
}

/* How many names in front the folders of both have in common; the last name is a file's. */
static size_t count_shared(const struct path *path, const struct path *home)
{
    size_t count = 0;
    while (count + 1 < path->count && count < home->count &&
           slice_equal(path->names[count], home->names[count])) {
        count++;
    }
    return count;
}

static size_t count_hidden(const struct path *path, const struct path *home)
{
    const size_t marked = count_marked(path);
    if (marked > 0 || !path->is_absolute) {
        return marked;
    }
    const size_t shared = home->is_absolute ? count_shared(path, home) : 0;
    if (shared > 0) {
        return shared;
    }
    return path->count > NAMES_SHOWN ? path->count - NAMES_SHOWN : 0;
}

/* -- Writing -------------------------------------------------------------------------------- */

static size_t written_bytes(const struct path *path, size_t from)
{
    size_t bytes = path->count - from - 1; /* slashes */
    for (size_t i = from; i < path->count; i++) {
        bytes += path->names[i].size;
    }
    return bytes;
}

struct slice symbols_path_show(const struct dwarf_file *file, char buffer[SYMBOLS_PATH_BYTES_MAX])
{
    struct path home = {.count = 0};
    struct path path = {.count = 0};
    add_part(&home, file->home.size > 0 ? file->home : file->base);
    add_part(&path, file->base);
    add_part(&path, file->directory);
    add_part(&path, file->name);
    if (file->name.size == 0 || path.count == 0) {
        return (struct slice){NULL, 0};
    }
    size_t from = count_hidden(&path, &home);
    while (from + 1 < path.count && written_bytes(&path, from) > SYMBOLS_PATH_BYTES_MAX) {
        from++;
    }
    size_t size = 0;
    for (size_t i = from; i < path.count; i++) {
        const size_t room = SYMBOLS_PATH_BYTES_MAX - size;
        const size_t take = path.names[i].size < room ? path.names[i].size : room;
        memcpy(buffer + size, path.names[i].data, take);
        size += take;
        if (i + 1 < path.count) {
            buffer[size++] = '/';
        }
    }
    return slice_of(buffer, size);
}
