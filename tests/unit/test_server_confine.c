/*
 * Which files a server's process reaches once it has confined itself: those that the server was
 * given and what little the C library and the engine look at, each as far as is said, and of all
 * others on this machine none. What Landlock does with a path is test_confine.c's.
 */
#include <cordon/cordon.h>

#include "support/expect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 512, FOLDERS_MAX = 20000 };

/* Where all is that belongs to the server, and a folder that does not. */
static char ground[] = "/tmp/cordon-reach-XXXXXX";

struct path {
    char text[PATH_BYTES];
};

static struct path at(const char *name)
{
    struct path path;
    (void)snprintf(path.text, sizeof path.text, "%s/%s", ground, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *const file = fopen(at(name).text, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* -- What is tried --------------------------------------------------------------------------- */

static bool can_open(const char *path, int flags)
{
    const int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)close(fd);
    }
    return fd >= 0;
}

static bool can_make(const char *folder)
{
    char path[PATH_BYTES + 32];
    (void)snprintf(path, sizeof path, "%s/.cordon-reach", folder);
    const bool made = can_open(path, O_WRONLY | O_CREAT | O_EXCL);
    if (made) {
        (void)unlink(path);
    }
    return made;
}

/* One letter for each thing that can be done with a folder that has `file` in it. */
static void try_all(const char *name, char out_done[8])
{
    char below[64];
    size_t count = 0;
    (void)snprintf(below, sizeof below, "%s/file", name);
    const struct path path = at(below);
    const char *const file = path.text;
    const struct {
        char letter;
        bool done;
    } tries[] = {
        {'l', can_open(at(name).text, O_RDONLY | O_DIRECTORY)},
        {'r', can_open(file, O_RDONLY)},
        {'w', can_open(file, O_WRONLY)},
        {'t', can_open(file, O_WRONLY | O_TRUNC)},
        {'m', can_make(at(name).text)},
        {'u', unlink(file) == 0},
    };
    for (size_t i = 0; i < COUNT(tries); i++) {
        if (tries[i].done) {
            out_done[count++] = tries[i].letter;
        }
    }
    out_done[count] = '\0';
}

/* What may be done with each, and no more. */
static const struct {
    const char *name;
    const char *done;
} own[] = {
    {"data", "lrwtmu"}, {"socket", "u"},      {"checkpoints", "lrwm"}, {"keys", "lr"},
    {"config", "lr"},   {"config/sub", "lr"}, {"outside", ""},         {"", ""},
};

/* -- All that is on this machine ------------------------------------------------------------- */

static char *folders[FOLDERS_MAX];
static size_t folder_count;

/* Folders of the root, and theirs. Links are left to what they lead to. */
static void collect(const char *path, int depth)
{
    DIR *const folder = opendir(path);
    for (struct dirent *entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char below[PATH_BYTES];
        const bool is_below = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
        const int size =
            snprintf(below, sizeof below, "%s/%s", path[1] == '\0' ? "" : path, entry->d_name);
        if (is_below && entry->d_type == DT_DIR && size < (int)sizeof below &&
            folder_count < FOLDERS_MAX) {
            folders[folder_count++] = strdup(below);
            if (depth > 1) {
                collect(below, depth - 1);
            }
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

/* What may be read besides, or is found below it. */
static bool is_allowed(const char *path)
{
    char self[32];
    (void)snprintf(self, sizeof self, "/proc/%d", getpid());
    const char *const allowed[] = {
        self,       "/proc/self", "/sys/devices/system/cpu", ground,
#ifdef __SANITIZE_THREAD__
        "/usr/lib", "/lib",
#endif
    };
    for (size_t i = 0; i < COUNT(allowed); i++) {
        const size_t size = strlen(allowed[i]);
        if (strncmp(path, allowed[i], size) == 0 && (path[size] == '\0' || path[size] == '/')) {
            return true;
        }
    }
    return false;
}

/* How many folders outside are open; each is told. */
static size_t count_reached(void)
{
    static const char *const files[] = {"/etc/passwd",  "/etc/hostname", "/bin/sh",
                                        "/dev/null",    "/dev/mem",      "/proc/1/environ",
                                        "/proc/version"};
    size_t count = 0;
    for (size_t i = 0; i < folder_count; i++) {
        const bool listed = can_open(folders[i], O_RDONLY | O_DIRECTORY);
        const bool made = can_make(folders[i]);
        if ((listed || made) && !(is_allowed(folders[i]) && !made)) {
            (void)fprintf(stderr, "%s is %s\n", folders[i], made ? "changed" : "read");
            count++;
        }
    }
    for (size_t i = 0; i < COUNT(files); i++) {
        if (can_open(files[i], O_RDONLY)) {
            (void)fprintf(stderr, "%s is read\n", files[i]);
            count++;
        }
    }
    return count;
}

/* -- The server ------------------------------------------------------------------------------ */

static cordon_error *start(cordon_runtime **out_runtime, cordon_server **out_server)
{
    const struct path data = at("data");
    const struct path checkpoints = at("checkpoints/file");
    const struct path keys = at("keys/keys.json");
    const struct path socket = at("socket/operator");
    char listen[PATH_BYTES + 8];
    (void)snprintf(listen, sizeof listen, "unix:%s", socket.text);
    const cordon_runtime_options options = {
        .size = sizeof options, .data_folder = data.text, .compile_inside = true, .slots = 32};
    const cordon_auth_provider provider = {
        .issuer = "https://a.invalid", .application_id = "app", .jwks = keys.text};
    cordon_error *error = cordon_runtime_new(&options, out_runtime);
    const cordon_server_options server = {
        .size = sizeof server,
        .runtime = *out_runtime,
        .listen = "127.0.0.1:0",
        .operator_listen = listen,
        .audit_checkpoint_file = checkpoints.text,
        .auth_providers = &provider,
        .auth_provider_count = 1,
    };
    return error != NULL ? error : cordon_server_new(&server, out_server);
}

static bool has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION) >
           0;
}

/* The exit code: how much is otherwise than it should be; 77: there is no Landlock. */
static int play(void)
{
    cordon_runtime *runtime = NULL;
    cordon_server *server = NULL;
    size_t bad = 0;
    if (!has_landlock()) {
        return 77;
    }
    collect("/", 2);
    expect_ok(start(&runtime, &server));
    for (size_t i = 0; i < COUNT(own); i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s/file", own[i].name);
        write_file(name, "");
    }
    const struct path config = at("config");
    const char *const read_paths[] = {config.text};
    const cordon_confine_options options = {
        .size = sizeof options, .read_paths = read_paths, .read_path_count = 1};
    assert_true(can_open("/etc/passwd", O_RDONLY));
    expect_ok(cordon_server_confine(server, &options));
    for (size_t i = 0; i < COUNT(own); i++) {
        char done[8];
        try_all(own[i].name, done);
        if (strcmp(done, own[i].done) != 0) {
            (void)fprintf(stderr, "'%s': '%s', not '%s'\n", own[i].name, done, own[i].done);
            bad++;
        }
    }
    assert_true(can_open("/proc/self/status", O_RDONLY));
    assert_true(folder_count > 20);
    bad += count_reached();
    return bad > 70 ? 70 : (int)bad;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static void test_no_other_file_is_reached(void **state)
{
    int status = 0;
    (void)state;
    assert_non_null(mkdtemp(ground));
    for (size_t i = 0; i < COUNT(own) - 1; i++) {
        assert_int_equal(mkdir(at(own[i].name).text, 0700), 0);
    }
    write_file(
        "keys/keys.json",
        "{\"keys\": [{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"kid\": \"a\", \"x\": "
        "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}");
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(play());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(nftw(ground, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("there is no Landlock here\n");
        return;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_other_file_is_reached),
    };
    return cmocka_run_group_tests_name("server_confine", tests, NULL, NULL);
}
