/*
 * `cordon new`: a project to begin with, in a folder of its own, SDK included. Nothing that exists
 * is written over: the folder must be new or empty, and each file is made anew or not at all. What
 * cannot be made whole is taken away again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/embedded.h"
#include "cli/file.h"
#include "cli/flags.h"
#include "cli/terminal.h"
#include "cli/text.h"

struct language {
    const char *name;
    const struct embedded_file *files;
};

static const struct language languages[] = {
    {"rust", embedded_rust},
    {"c", embedded_c},
};

/* Whoever runs it can choose another folder, and can't mend a disk. */
static int fail(const char *what, const char *path)
{
    const int error = errno;
    const bool full = file_is_full(error);
    return terminal_fail(
        full || error == EIO ? CLI_MACHINE : CLI_USAGE, "cannot %s '%s': %s%s", what, path,
        strerror(error), full ? "; free some space and try again" : "");
}

/* Makes the folder, or accepts one that is there and empty. */
static int make_project_folder(const char *path, bool *out_is_new)
{
    *out_is_new = mkdir(path, 0777) == 0;
    if (*out_is_new) {
        return CLI_OK;
    }
    DIR *const folder = errno == EEXIST ? opendir(path) : NULL;
    if (folder == NULL) {
        return fail("make the folder", path);
    }
    size_t entries = 0;
    while (readdir(folder) != NULL) {
        entries++; /* `.` and `..` among them */
    }
    (void)closedir(folder);
    if (entries > 2) {
        return terminal_fail(CLI_USAGE, "'%s' is not empty; name a new or an empty folder", path);
    }
    return CLI_OK;
}

/* Makes the folders between the project's and a file's. */
static int make_folders(const char *project, const char *path)
{
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        TEXT_CLEANUP folder = {0};
        text_printf(&folder, "%s/%.*s", project, (int)(slash - path), path);
        if (mkdir(folder.data, 0777) != 0 && errno != EEXIST) {
            return fail("make the folder", folder.data);
        }
    }
    return CLI_OK;
}

static int write_file(const char *project, const struct embedded_file *file)
{
    int failed = make_folders(project, file->path);
    if (failed != CLI_OK) {
        return failed;
    }
    TEXT_CLEANUP path = {0};
    text_printf(&path, "%s/%s", project, file->path);
    const int fd = open(path.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        return fail("make", path.data);
    }
    if (!file_write_all(fd, file->data, file->size)) {
        failed = fail("write", path.data);
    }
    if (close(fd) != 0 && failed == CLI_OK) {
        failed = fail("write", path.data);
    }
    return failed;
}

/* The last of the folders between the project's and a file's; then those that are empty by that. */
static void remove_folders(const char *project, const char *path)
{
    for (size_t size = strlen(path); size > 0; size--) {
        if (path[size] == '/') {
            TEXT_CLEANUP folder = {0};
            text_printf(&folder, "%s/%.*s", project, (int)size, path);
            (void)rmdir(folder.data);
        }
    }
}

/* Takes away the files up to one that could not be written, that one too. */
static void remove_files(
    const char *project, const struct embedded_file *first, const struct embedded_file *failed)
{
    for (const struct embedded_file *file = first; file <= failed; file++) {
        TEXT_CLEANUP path = {0};
        text_printf(&path, "%s/%s", project, file->path);
        (void)unlink(path.data);
        remove_folders(project, file->path);
    }
}

static int write_project(const char *project, const struct embedded_file *files)
{
    for (const struct embedded_file *file = files; file->path != NULL; file++) {
        const int failed = write_file(project, file);
        if (failed != CLI_OK) {
            remove_files(project, files, file);
            return failed;
        }
    }
    return CLI_OK;
}

static const struct language *find(const char *name)
{
    for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++) {
        if (strcmp(languages[i].name, name) == 0) {
            return &languages[i];
        }
    }
    return NULL;
}

static void print_next_steps(const char *project)
{
    (void)fputs("A new project is in ", stdout);
    terminal_write(stdout, terminal_text(project));
    (void)fputs(". Build it, try it, deploy it:\n\n  cd ", stdout);
    terminal_write(stdout, terminal_text(project));
    (void)fputs(
        "\n"
        "  sh build\n"
        "  cordon run app.wasm messages:send '{\"author\": \"me\", \"body\": \"hello\"}'\n"
        "  cordon deploy app.wasm\n\n"
        "`cordon dev` builds and deploys it whenever a file changes. README.md tells the rest.\n",
        stdout);
}

static int run(const struct cli_options *options)
{
    const char *const name = options->operands[0];
    const char *const project = options->operands[1];
    const struct language *const language = find(name);
    if (language == NULL) {
        return terminal_usage(
            options->command, "there are no projects in '%s'; there are in rust and c", name);
    }
    bool is_new = false;
    int failed = make_project_folder(project, &is_new);
    if (failed != CLI_OK) {
        return failed;
    }
    failed = write_project(project, language->files);
    if (failed == CLI_OK) {
        print_next_steps(project);
    } else if (is_new) {
        (void)rmdir(project);
    }
    return failed;
}

static const struct cli_flag flags[] = {
    FLAGS_END,
};

const struct cli_command cli_new = {
    .name = "new",
    .operands = "rust|c DIR",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "begins a project in a new folder",
    .details =
        "Writes a small project of functions in Rust or C into the folder DIR, which must be\n"
        "new or empty. It holds all it needs, the SDK too, and builds with one command.",
    .example = "  cordon new rust messages",
    .flags = flags,
    .run = run,
};
