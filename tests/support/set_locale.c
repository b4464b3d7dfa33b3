/*
 * A library that is loaded before a program (LD_PRELOAD), which then has the locale that its
 * environment says, as a program has that embeds the library and speaks to people.
 */
#include <locale.h>
#include <stdio.h>

__attribute__((constructor)) static void set_locale(void)
{
    if (setlocale(LC_ALL, "") == NULL) {
        (void)fputs("set_locale: there is no such locale\n", stderr);
    }
}
