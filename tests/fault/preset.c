/*
 * Linked into a copy of the command line: before main() it is decided by the environment what fails
 * (CORDON_FAULT, of the list below, and CORDON_FAULT_NTH), and at the end it is written to the file
 * CORDON_FAULT_TOLD how many could have failed, and the name of the call that did.
 */
#include "base/memory.h"
#include "support/machine.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {
    [MACHINE_REFUSES] = "calls", [MACHINE_INTERRUPTS] = "interrupts", [MACHINE_CUTS] = "cuts"};

static const char *_Atomic name = "";
static bool is_memory;

static void tell(void)
{
    const uint64_t count = is_memory ? mem_fail_nth(0) : machine_disarm();
    FILE *file = fopen(getenv("CORDON_FAULT_TOLD"), "we");
    if (file == NULL ||
        fprintf(file, "%llu %s\n", (unsigned long long)count, atomic_load(&name)) < 0 ||
        fclose(file) != 0) {
        abort();
    }
}

__attribute__((constructor)) static void preset(void)
{
    const char *kind = getenv("CORDON_FAULT");
    const char *nth = getenv("CORDON_FAULT_NTH");
    if (kind == NULL || nth == NULL) {
        return;
    }
    (void)atexit(tell);
    is_memory = strcmp(kind, "memory") == 0 || strcmp(kind, "no memory") == 0;
    if (is_memory && strcmp(kind, "memory") == 0) {
        (void)mem_fail_nth(strtoull(nth, NULL, 10));
    } else if (is_memory) {
        mem_fail_from(strtoull(nth, NULL, 10));
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kind, kinds[i]) == 0) {
            machine_arm((enum machine_fault)i, strtoull(nth, NULL, 10), &name);
        }
    }
}
