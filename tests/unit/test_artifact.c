/*
 * Artifacts on disk: what was put comes back, and whatever has been changed about it, or about the
 * folder and the key, does not.
 */
#include "engine/compiler.h"

#include "base/hash.h"
#include "engine/internal.h"
#include "engine/sealed.h"
#include "support/expect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t hash_a[SHA256_BYTES] = {0xaa, 1, 2, 3};
static const uint8_t hash_b[SHA256_BYTES] = {0xbb, 1, 2, 3};

/* Of the engine the cache only asks for the fingerprint. */
static struct engine engine_a = {.fingerprint = {1}};
static struct engine engine_b = {.fingerprint = {2}};

/* A folder of its own for each test, its cache in it, and the name of one file. */
struct world {
    char base[32];
    char folder[64];
    char file[256];
    char key[128];
    struct artifact_cache *cache;
};

static struct world world_open(void)
{
    struct world world = {.base = "/tmp/cordon-artifact-XXXXXX"};
    assert_non_null(mkdtemp(world.base));
    (void)snprintf(world.folder, sizeof world.folder, "%s/artifacts", world.base);
    (void)snprintf(world.key, sizeof world.key, "%s/artifacts.key", world.folder);
    char hex[2 * SHA256_BYTES + 1];
    hex_encode(slice_of(hash_a, sizeof hash_a), hex);
    (void)snprintf(world.file, sizeof world.file, "%s/7-%s", world.folder, hex);
    expect_ok(artifact_cache_open(world.folder, &engine_a, &world.cache));
    return world;
}

static void delete_all(const char *folder)
{
    DIR *entries = opendir(folder);
    while (entries != NULL) {
        /* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        const struct dirent *entry = readdir(entries);
        if (entry == NULL) {
            break;
        }
        if (entry->d_name[0] != '.') {
            (void)unlinkat(dirfd(entries), entry->d_name, 0);
        }
    }
    if (entries != NULL) {
        (void)closedir(entries);
    }
    (void)rmdir(folder);
}

static void world_close(struct world *world)
{
    artifact_cache_close(world->cache);
    delete_all(world->folder);
    delete_all(world->base);
    assert_int_equal(access(world->base, F_OK), -1);
}

static int sealed_file(struct slice bytes)
{
    int fd = NO_FD;
    expect_ok(sealed_new(&fd));
    expect_ok(fd_write(fd, bytes));
    expect_ok(sealed_finish(fd));
    return fd;
}

static void put(struct artifact_cache *cache, struct slice code)
{
    const int fd = sealed_file(code);
    expect_ok(artifact_cache_put(cache, 7, hash_a, fd));
    (void)close(fd);
}

/* What is there for that tenant and module: exactly `code`, or nothing if that is NULL. */
static void check(
    struct artifact_cache *cache, uint32_t tenant, const uint8_t *hash, const struct slice *code)
{
    int fd = -7;
    bool found = code == NULL;
    expect_ok(artifact_cache_get(cache, tenant, hash, &found, &fd));
    assert_int_equal(found, code != NULL);
    if (code == NULL) {
        assert_int_equal(fd, -7);
        return;
    }
    struct sealed_view view = {0};
    expect_ok(sealed_view_open(fd, &view));
    expect_slice(view.bytes, *code);
    sealed_view_close(&view);
    (void)close(fd);
}

static struct slice code_of(size_t size)
{
    static uint8_t bytes[100000];
    assert_in_range(size, 1, sizeof bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(i * 31 + size);
    }
    return slice_of(bytes, size);
}

static void what_was_put_comes_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 16383, 16384, 16385, 100000};
    struct world world = world_open();
    check(world.cache, 7, hash_a, NULL);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const struct slice code = code_of(sizes[i]);
        put(world.cache, code);
        check(world.cache, 7, hash_a, &code);
        check(world.cache, 7, hash_b, NULL);
        check(world.cache, 8, hash_a, NULL);

        artifact_cache_close(world.cache); /* another start of the program */
        world.cache = NULL;
        expect_ok(artifact_cache_open(world.folder, &engine_a, &world.cache));
        check(world.cache, 7, hash_a, &code);
    }
    struct stat status;
    assert_int_equal(stat(world.folder, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(stat(world.key, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(status.st_size, 32);
    assert_int_equal(stat(world.file, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    world_close(&world);
}

static void only_sealed_files_are_taken(void **state)
{
    (void)state;
    struct world world = world_open();
    int fd = NO_FD;
    expect_ok(sealed_new(&fd));
    expect_ok(fd_write(fd, SLICE("code")));
    expect_error(
        artifact_cache_put(world.cache, 7, hash_a, fd), CORDON_E_INVALID, "from a sealed file");
    (void)close(fd);
    check(world.cache, 7, hash_a, NULL);
    world_close(&world);
}

/* -- Files that were changed ------------------------------------------------------------------ */

/* Flips one bit of each byte in turn. */
static void no_flipped_bit_is_taken(void **state)
{
    (void)state;
    struct world world = world_open();
    const struct slice code = code_of(20);
    put(world.cache, code);
    struct stat status;
    assert_int_equal(stat(world.file, &status), 0);
    for (off_t i = 0; i < status.st_size; i++) {
        uint8_t byte = 0;
        put(world.cache, code);
        const int fd = open(world.file, O_RDWR);
        assert_int_equal(pread(fd, &byte, 1, i), 1);
        byte ^= (uint8_t)(1 << (i % 8));
        assert_int_equal(pwrite(fd, &byte, 1, i), 1);
        (void)close(fd);
        check(world.cache, 7, hash_a, NULL);
        assert_int_equal(access(world.file, F_OK), -1); /* deleted */
    }
    put(world.cache, code);
    check(world.cache, 7, hash_a, &code);
    world_close(&world);
}

static void no_other_size_is_taken(void **state)
{
    (void)state;
    struct world world = world_open();
    const struct slice code = code_of(20);
    put(world.cache, code);
    struct stat status;
    assert_int_equal(stat(world.file, &status), 0);
    for (off_t size = 0; size <= status.st_size + 1; size++) {
        put(world.cache, code);
        assert_int_equal(truncate(world.file, size), 0);
        check(world.cache, 7, hash_a, size == status.st_size ? &code : NULL);
        assert_int_equal(access(world.file, F_OK), size == status.st_size ? 0 : -1);
    }
    put(world.cache, code);
    assert_int_equal(truncate(world.file, (off_t)1 << 40), 0); /* not even read */
    check(world.cache, 7, hash_a, NULL);
    world_close(&world);
}

static void no_other_name_is_taken(void **state)
{
    (void)state;
    char hex[2 * SHA256_BYTES + 1];
    char other[256];
    struct world world = world_open();
    const struct slice code = code_of(20);
    hex_encode(slice_of(hash_a, sizeof hash_a), hex);

    put(world.cache, code);
    (void)snprintf(other, sizeof other, "%s/8-%s", world.folder, hex);
    assert_int_equal(rename(world.file, other), 0);
    check(world.cache, 8, hash_a, NULL);
    assert_int_equal(access(other, F_OK), -1);

    put(world.cache, code);
    hex_encode(slice_of(hash_b, sizeof hash_b), hex);
    (void)snprintf(other, sizeof other, "%s/7-%s", world.folder, hex);
    assert_int_equal(rename(world.file, other), 0);
    check(world.cache, 7, hash_b, NULL);
    assert_int_equal(access(other, F_OK), -1);
    world_close(&world);
}

static void no_other_engine_or_key_is_taken(void **state)
{
    (void)state;
    struct world world = world_open();
    const struct slice code = code_of(20);
    put(world.cache, code);
    artifact_cache_close(world.cache);
    expect_ok(artifact_cache_open(world.folder, &engine_b, &world.cache));
    check(world.cache, 7, hash_a, NULL);
    put(world.cache, code);
    check(world.cache, 7, hash_a, &code);

    assert_int_equal(unlink(world.key), 0);
    artifact_cache_close(world.cache);
    expect_ok(artifact_cache_open(world.folder, &engine_b, &world.cache));
    check(world.cache, 7, hash_a, NULL);
    world_close(&world);
}

/* A link, a pipe and a folder in the place of a file are not followed, waited for or read. */
static void only_regular_files_are_taken(void **state)
{
    (void)state;
    char elsewhere[256];
    struct world world = world_open();
    const struct slice code = code_of(20);
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", world.base);

    put(world.cache, code);
    assert_int_equal(rename(world.file, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, world.file), 0);
    check(world.cache, 7, hash_a, NULL);
    put(world.cache, code); /* replaces the link, not what it points to */
    check(world.cache, 7, hash_a, &code);
    struct stat status;
    assert_int_equal(lstat(world.file, &status), 0);
    assert_true(S_ISREG(status.st_mode));

    assert_int_equal(unlink(world.file), 0);
    assert_int_equal(mkfifo(world.file, 0600), 0);
    check(world.cache, 7, hash_a, NULL);
    assert_int_equal(unlink(world.file), 0);
    assert_int_equal(mkdir(world.file, 0700), 0);
    check(world.cache, 7, hash_a, NULL);
    const int fd = sealed_file(code);
    expect_error(
        artifact_cache_put(world.cache, 7, hash_a, fd), CORDON_E_SYSTEM, "be put in its place");
    (void)close(fd);
    assert_int_equal(rmdir(world.file), 0);
    world_close(&world);
}

/* -- The folder and the key ------------------------------------------------------------------- */

/* Does something to a closed cache that must keep it closed, with these words, until undone. */
struct refusal {
    const char *part;
    void (*spoil)(const struct world *world);
    void (*repair)(const struct world *world);
};

static void open_folder_to_group(const struct world *world)
{
    assert_int_equal(chmod(world->folder, 0750), 0);
}

static void close_folder(const struct world *world)
{
    assert_int_equal(chmod(world->folder, 0700), 0);
}

static void open_key_to_all(const struct world *world)
{
    assert_int_equal(chmod(world->key, 0604), 0);
}

static void close_key(const struct world *world)
{
    assert_int_equal(chmod(world->key, 0600), 0);
}

static void shorten_key(const struct world *world)
{
    assert_int_equal(truncate(world->key, 31), 0);
}

static void delete_key(const struct world *world)
{
    assert_int_equal(unlink(world->key), 0);
}

static void link_key(const struct world *world)
{
    assert_int_equal(unlink(world->key), 0);
    assert_int_equal(symlink("/dev/zero", world->key), 0);
}

static void make_key_a_pipe(const struct world *world)
{
    assert_int_equal(unlink(world->key), 0);
    assert_int_equal(mkfifo(world->key, 0600), 0);
}

static void moved_name(const struct world *world, char out[80])
{
    (void)snprintf(out, 80, "%s-moved", world->folder);
}

static void link_folder(const struct world *world)
{
    char moved[80];
    moved_name(world, moved);
    assert_int_equal(rename(world->folder, moved), 0);
    assert_int_equal(symlink(moved, world->folder), 0);
}

static void move_folder_back(const struct world *world)
{
    char moved[80];
    moved_name(world, moved);
    assert_int_equal(unlink(world->folder), 0);
    assert_int_equal(rename(moved, world->folder), 0);
}

static void make_folder_a_file(const struct world *world)
{
    char moved[80];
    moved_name(world, moved);
    assert_int_equal(rename(world->folder, moved), 0);
    const int fd = open(world->folder, O_CREAT | O_WRONLY | O_EXCL, 0600);
    assert_int_not_equal(fd, -1);
    (void)close(fd);
}

static void give_folder_away(const struct world *world)
{
    assert_int_equal(chown(world->folder, 65534, (gid_t)-1), 0);
}

static void take_folder_back(const struct world *world)
{
    assert_int_equal(chown(world->folder, geteuid(), (gid_t)-1), 0);
}

static void give_key_away(const struct world *world)
{
    assert_int_equal(chown(world->key, 65534, (gid_t)-1), 0);
}

static void take_key_back(const struct world *world)
{
    assert_int_equal(chown(world->key, geteuid(), (gid_t)-1), 0);
}

static void folder_and_key_are_ours_alone(void **state)
{
    (void)state;
    static const struct refusal by_anybody[] = {
        {"set its mode to 0700", open_folder_to_group, close_folder},
        {"others may know it", open_key_to_all, close_key},
        {"artifacts.key is damaged; delete it", shorten_key, delete_key},
        {"artifacts.key could not be opened", link_key, delete_key},
        {"artifacts.key could not be opened", make_key_a_pipe, delete_key},
        {"no link to one", link_folder, move_folder_back},
        {"must be a folder", make_folder_a_file, move_folder_back},
    };
    static const struct refusal by_root[] = {
        {"give it to the user", give_folder_away, take_folder_back},
        {"others may know it", give_key_away, take_key_back},
    };
    struct world world = world_open();
    const size_t count = COUNT(by_anybody) + (geteuid() == 0 ? COUNT(by_root) : 0);
    for (size_t i = 0; i < count; i++) {
        const struct refusal *each =
            i < COUNT(by_anybody) ? &by_anybody[i] : &by_root[i - COUNT(by_anybody)];
        artifact_cache_close(world.cache);
        world.cache = NULL;
        each->spoil(&world);
        expect_error(
            artifact_cache_open(world.folder, &engine_a, &world.cache), CORDON_E_SYSTEM,
            each->part);
        assert_null(world.cache);
        each->repair(&world);
        expect_ok(artifact_cache_open(world.folder, &engine_a, &world.cache));
    }
    world_close(&world);
    expect_error(
        artifact_cache_open("/nowhere/artifacts", &engine_a, &world.cache), CORDON_E_SYSTEM,
        "/nowhere/artifacts, could not be made: No such file");
}

/* Of tenant 7 only what is kept stays; another's, and the key, are left alone. */
static void what_is_not_deployed_goes(void **state)
{
    (void)state;
    struct world world = world_open();
    const int fd = sealed_file(SLICE("code"));
    expect_ok(artifact_cache_put(world.cache, 7, hash_a, fd));
    expect_ok(artifact_cache_put(world.cache, 7, hash_b, fd));
    expect_ok(artifact_cache_put(world.cache, 77, hash_a, fd));
    (void)close(fd);
    artifact_cache_keep(world.cache, 7, (const uint8_t(*)[SHA256_BYTES]) & hash_b, 1);
    static const struct {
        uint32_t tenant;
        const uint8_t *hash;
        bool stays;
    } cases[] = {{7, hash_a, false}, {7, hash_b, true}, {77, hash_a, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool found = false;
        int got = NO_FD;
        expect_ok(artifact_cache_get(world.cache, cases[i].tenant, cases[i].hash, &found, &got));
        assert_int_equal(found, cases[i].stays);
        fd_closep(&got);
    }
    assert_int_equal(access(world.key, F_OK), 0);
    world_close(&world);
}

/* What a crash left behind goes at the next start; nothing else does. */
static void half_written_files_go(void **state)
{
    (void)state;
    char left[128];
    struct world world = world_open();
    const struct slice code = code_of(20);
    put(world.cache, code);
    artifact_cache_close(world.cache);
    (void)snprintf(left, sizeof left, "%s/new-0123", world.folder);
    const int fd = open(left, O_CREAT | O_WRONLY, 0600);
    assert_int_not_equal(fd, -1);
    (void)close(fd);
    expect_ok(artifact_cache_open(world.folder, &engine_a, &world.cache));
    assert_int_equal(access(left, F_OK), -1);
    check(world.cache, 7, hash_a, &code);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_comes_back),
        cmocka_unit_test(only_sealed_files_are_taken),
        cmocka_unit_test(no_flipped_bit_is_taken),
        cmocka_unit_test(no_other_size_is_taken),
        cmocka_unit_test(no_other_name_is_taken),
        cmocka_unit_test(no_other_engine_or_key_is_taken),
        cmocka_unit_test(only_regular_files_are_taken),
        cmocka_unit_test(folder_and_key_are_ours_alone),
        cmocka_unit_test(what_is_not_deployed_goes),
        cmocka_unit_test(half_written_files_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
