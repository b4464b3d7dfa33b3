/* A folder that the table does not know. */
#include <stdio.h>
