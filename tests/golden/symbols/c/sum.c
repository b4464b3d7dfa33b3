/* The other file of the program; see main.c. */
#include "list.h"

int values[COUNT] = {3, 1, 4, 1, 5, 9, 2, 6};

int sum(int count)
{
    int sum = 0;
    for (int i = 0; i < count; i++) {
        sum += get(i);
    }
    return sum;
}
