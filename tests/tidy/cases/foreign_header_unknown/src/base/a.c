/* A header that nobody gave a home. */
#include <sqlite3.h>
