/* What control groups allow, as the files of either version say, which are made here. */
#include "base/cgroup.h"
#include "base/processors.h"

#include <sched.h>
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
    uint64_t milli; /* of processors */
} rows[] = {
    {"0::/\n", {{"/sys/fs/cgroup/memory.max", "1000\n"}}, 1000, UINT64_MAX}, /* a container */
    {"0::/\n", {{"/sys/fs/cgroup/memory.max", "max\n"}}, UINT64_MAX, UINT64_MAX},
    {"0::/\n", {{NULL}}, UINT64_MAX, UINT64_MAX}, /* the top group of a machine has no bound */
    {"0::/system.slice/cordon.service\n",
     {{"/sys/fs/cgroup/system.slice/cordon.service/memory.max", "2000\n"},
      {"/sys/fs/cgroup/system.slice/memory.max", "max\n"}},
     2000,
     UINT64_MAX},
    {"0::/system.slice/cordon.service\n",
     {{"/sys/fs/cgroup/system.slice/cordon.service/memory.max", "max\n"},
      {"/sys/fs/cgroup/system.slice/memory.max", "3000\n"}},
     3000,
     UINT64_MAX},
    {"0::/out/of/sight\n", {{"/sys/fs/cgroup/memory.max", "4000\n"}}, 4000, UINT64_MAX},
    {"5:cpu,cpuacct:/a\n4:memory:/a/b\n0::/\n",
     {{"/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "6000\n"},
      {"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "5000\n"},
      {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}},
     5000,
     UINT64_MAX},
    {"4:hugetlb,memory:/a\n",
     {{"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "7000\n"}},
     7000,
     UINT64_MAX},
    {"4:memory_else:/a\nnonsense\n\n",
     {{"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "7000\n"}},
     UINT64_MAX,
     UINT64_MAX},
    {"0::/\n", {{"/sys/fs/cgroup/cpu.max", "150000 100000\n"}}, UINT64_MAX, 1500},
    {"0::/\n", {{"/sys/fs/cgroup/cpu.max", "max 100000\n"}}, UINT64_MAX, UINT64_MAX},
    {"0::/\n", {{"/sys/fs/cgroup/cpu.max", "100000 0\n"}}, UINT64_MAX, UINT64_MAX},
    {"0::/\n", {{"/sys/fs/cgroup/cpu.max", "100000\n"}}, UINT64_MAX, UINT64_MAX},
    {"0::/\n", {{"/sys/fs/cgroup/cpu.max", "\n"}}, UINT64_MAX, UINT64_MAX},
    {"0::/a/b\n",
     {{"/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"},
      {"/sys/fs/cgroup/a/cpu.max", "50000 100000\n"},
      {"/sys/fs/cgroup/a/b/memory.max", "8000\n"}},
     8000,
     500},
    {"5:cpu,cpuacct:/a\n0::/\n",
     {{"/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "300000\n"},
      {"/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n"}},
     UINT64_MAX,
     3000},
    {"5:cpu,cpuacct:/a\n",
     {{"/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1\n"},
      {"/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n"}},
     UINT64_MAX,
     UINT64_MAX},
    {"5:cpuset:/a\n",
     {{"/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "300000\n"},
      {"/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n"}},
     UINT64_MAX,
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
        assert_true(cgroup_processors_milli(root) == rows[i].milli);
        (void)snprintf(command, sizeof command, "rm -r '%s'", root);
        /* A folder of our own. NOLINTNEXTLINE(*-env33-c, concurrency-mt-unsafe) */
        assert_int_equal(system(command), 0);
    }
    assert_true(cgroup_memory_bytes("/tmp/there is no such folder") == UINT64_MAX);
}

/* A thread that may run on one processor has one, whatever the machine has. */
static void processors_are_those_that_one_may_use(void **state)
{
    (void)state;
    cpu_set_t before;
    cpu_set_t one;
    size_t first = 0;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_true(processors_count() >= 1 && (int)processors_count() <= CPU_COUNT(&before));
    while (!CPU_ISSET(first, &before)) {
        first++;
    }
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(processors_count(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processors_are_those_that_one_may_use),
        cmocka_unit_test(the_least_of_all_groups_above_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
