/* What two files share. */
#ifndef BASE_PARTS_H
#define BASE_PARTS_H

/* -- one.c ------------------------------------------------------------------------------------- */

int parts_one(void);
int parts_two(
    int a);

/* -- two.c: more ------------------------------------------------------------------------------- */

int *parts_three(void);

/* -- Of all ------------------------------------------------------------------------------------ */

int parts_four(void);

#endif
