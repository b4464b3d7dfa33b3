/*
 * libzip, loaded when documents are exported or imported. Its archives are read and written as
 * streams: what is in memory does not grow with them.
 */
#ifndef CLI_LIBZIP_H
#define CLI_LIBZIP_H

#include <zip.h>

/* The functions that we call, under their names without `zip_`. */
struct libzip {
    zip_t *(*open)(const char *path, int flags, int *out_error);
    int (*close)(zip_t *zip);
    void (*discard)(zip_t *zip);
    const char *(*strerror)(zip_t *zip);
    void (*error_init_with_code)(zip_error_t *error, int code);
    const char *(*error_strerror)(zip_error_t *error);
    void (*error_fini)(zip_error_t *error);
    zip_source_t *(*source_function)(zip_t *zip, zip_source_callback callback, void *arg);
    void (*source_free)(zip_source_t *source);
    zip_int64_t (*file_add)(zip_t *zip, const char *name, zip_source_t *source, zip_flags_t flags);
    zip_int64_t (*get_num_entries)(zip_t *zip, zip_flags_t flags);
    const char *(*get_name)(zip_t *zip, zip_uint64_t index, zip_flags_t flags);
    zip_file_t *(*fopen_index)(zip_t *zip, zip_uint64_t index, zip_flags_t flags);
    zip_int64_t (*fread)(zip_file_t *file, void *bytes, zip_uint64_t size);
    const char *(*file_strerror)(zip_file_t *file);
    int (*fclose)(zip_file_t *file);
};

/*
 * Loads it; it stays until the process ends. NULL if this machine has none that works, after having
 * said how to get it. For one thread.
 */
const struct libzip *libzip_load(void);

#endif
