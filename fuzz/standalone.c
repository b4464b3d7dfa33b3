/*
 * Runs a fuzz target without a fuzzer: once over each file named, and over each file of each folder
 * named. So the corpora are part of the plain test run, with any compiler, under any sanitizer.
 *
 * Every input is a heap block of exactly its size, as libFuzzer passes it, so that AddressSanitizer
 * sees the first byte read past its end. No input at all is a failure: a corpus that got lost must
 * not look like one that passed.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Noreturn void fail(const char *path)
{
    (void)fprintf(stderr, "fuzz: %s: %s\n", path, strerror(errno));
    exit(EXIT_FAILURE);
}

static size_t run_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rbe");
    /* One byte for an empty input: malloc(0) may be NULL, which is a different thing to pass. */
    uint8_t *data = malloc(size == 0 ? 1 : size);
    if (file == NULL || data == NULL || fread(data, 1, size, file) != size) {
        fail(path);
    }
    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

static size_t run_path(const char *path);

static size_t run_folder(const char *path)
{
    struct dirent **entries = NULL;
    const int count = scandir(path, &entries, NULL, alphasort); /* one order on every machine */
    if (count < 0) {
        fail(path);
    }
    size_t runs = 0;
    for (int i = 0; i < count; i++) {
        char *inner = NULL;
        if (entries[i]->d_name[0] != '.') {
            if (asprintf(&inner, "%s/%s", path, entries[i]->d_name) < 0) {
                fail(path);
            }
            runs += run_path(inner);
            free(inner);
        }
        free(entries[i]);
    }
    free(entries);
    return runs;
}

static size_t run_path(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        fail(path);
    }
    return S_ISDIR(status.st_mode) ? run_folder(path) : run_file(path, (size_t)status.st_size);
}

int main(int argc, char **argv)
{
    size_t runs = 0;
    for (int i = 1; i < argc; i++) {
        runs += run_path(argv[i]);
    }
    if (runs == 0) {
        (void)fprintf(stderr, "fuzz: no input; name files or folders\n");
        return EXIT_FAILURE;
    }
    (void)printf("%zu inputs\n", runs);
    return EXIT_SUCCESS;
}
