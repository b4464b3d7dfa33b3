/* What control groups allow, as the files of either version say, which are made here. */
#include "base/cgroup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* Makes a file below a folder, and the folders on the way. */
static void make_file(const char *root, const char *path, const char *text)
{
    char whole[256];
    (void)snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        (void)mkdir(whole, 0700);
        *at = '/';
    }
    FILE *const file = fopen(whole, "we");
    if (file == NULL) {
        abort();
    }
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

struct file {
    const char *path;
    const char *text;
};

static const struct {
    const char *groups; /* of this process */
    struct file files[3];
    uint64_t bytes;
} rows[] = {
    {"0::/\n", {{"/sys/fs/cgroup/memory.max", "1000\n"}}, 1000}, /* a container */
    {"0::/\n", {{"/sys/fs/cgroup/memory.max", "max\n"}}, UINT64_MAX},
    {"0::/\n", {{NULL}}, UINT64_MAX}, /* the top group of a machine has no bound */
    {"0::/system.slice/cordon.service\n",
     {{"/sys/fs/cgroup/system.slice/cordon.service/memory.max", "2000\n"},
      {"/sys/fs/cgroup/system.slice/memory.max", "max\n"}},
     2000},
    {"0::/system.slice/cordon.service\n",
     {{"/sys/fs/cgroup/system.slice/cordon.service/memory.max", "max\n"},
      {"/sys/fs/cgroup/system.slice/memory.max", "3000\n"}},
     3000},
    {"0::/out/of/sight\n", {{"/sys/fs/cgroup/memory.max", "4000\n"}}, 4000},
    {"5:cpu,cpuacct:/a\n4:memory:/a/b\n0::/\n",
     {{"/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "6000\n"},
      {"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "5000\n"},
      {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}},
     5000},
    {"4:hugetlb,memory:/a\n", {{"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "7000\n"}}, 7000},
    {"4:memory_else:/a\nnonsense\n\n",
     {{"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "7000\n"}},
     UINT64_MAX},
};

static void the_least_of_all_groups_above_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char root[] = "/tmp/cordon-cgroup-XXXXXX";
        char command[64];
        assert_non_null(mkdtemp(root));
        make_file(root, "/proc/self/cgroup", rows[i].groups);
        for (size_t k = 0; k < 3 && rows[i].files[k].path != NULL; k++) {
            make_file(root, rows[i].files[k].path, rows[i].files[k].text);
        }
        assert_true(cgroup_memory_bytes(root) == rows[i].bytes);
        (void)snprintf(command, sizeof command, "rm -r '%s'", root);
        /* A folder of our own. NOLINTNEXTLINE(*-env33-c, concurrency-mt-unsafe) */
        assert_int_equal(system(command), 0);
    }
    assert_true(cgroup_memory_bytes("/tmp/there is no such folder") == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_of_all_groups_above_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
