/*
 * Finds libzip's functions by name; see libzip.h. What we call is the same in libzip.so.4 of
 * bookworm and libzip.so.5 of later Debians.
 */
#include "cli/libzip.h"

#include <stdbool.h>
#include <stddef.h>

#include "cli/cli.h"
#include "cli/library.h"
#include "cli/terminal.h"

static bool find_all(void *library, struct libzip *out)
{
    return library_find(library, "zip_open", &out->open) &&
           library_find(library, "zip_close", &out->close) &&
           library_find(library, "zip_discard", &out->discard) &&
           library_find(library, "zip_strerror", &out->strerror) &&
           library_find(library, "zip_error_init_with_code", &out->error_init_with_code) &&
           library_find(library, "zip_error_strerror", &out->error_strerror) &&
           library_find(library, "zip_error_fini", &out->error_fini) &&
           library_find(library, "zip_source_function", &out->source_function) &&
           library_find(library, "zip_source_free", &out->source_free) &&
           library_find(library, "zip_file_add", &out->file_add) &&
           library_find(library, "zip_get_num_entries", &out->get_num_entries) &&
           library_find(library, "zip_get_name", &out->get_name) &&
           library_find(library, "zip_fopen_index", &out->fopen_index) &&
           library_find(library, "zip_fread", &out->fread) &&
           library_find(library, "zip_file_strerror", &out->file_strerror) &&
           library_find(library, "zip_fclose", &out->fclose);
}

const struct libzip *libzip_load(void)
{
    static const char *const names[] = {"libzip.so.5", "libzip.so.4"};
    static struct libzip found;
    static bool ready;
    for (size_t i = 0; !ready && i < sizeof names / sizeof names[0]; i++) {
        void *const library = library_open(names[i]);
        ready = library != NULL && find_all(library, &found);
    }
    if (!ready) {
        (void)terminal_fail(
            0,
            "libzip cannot be loaded; install it, on Debian by `apt install libzip4` or libzip5");
    }
    return ready ? &found : NULL;
}
