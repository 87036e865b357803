#ifndef CSQLITE_SHIM_H
#define CSQLITE_SHIM_H

#include <sqlite3.h>

// SQLITE_TRANSIENT is a cast of -1 to a function pointer, which Swift doesn't import.
static inline int ts_sqlite3_bind_text(sqlite3_stmt *statement, int index, const char *text, int count) {
  // An empty buffer may have no address, which would bind NULL.
  return sqlite3_bind_text(statement, index, text ? text : "", count, SQLITE_TRANSIENT);
}
static inline int ts_sqlite3_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count) {
  return sqlite3_bind_blob(statement, index, bytes, count, SQLITE_TRANSIENT);
}
static inline void ts_sqlite3_result_text(sqlite3_context *context, const char *text, int count) {
  sqlite3_result_text(context, text, count, SQLITE_TRANSIENT);
}
// The extended result codes are macros with operators, which Swift doesn't import.
static inline int ts_sqlite3_ioerr_write(void) { return SQLITE_IOERR_WRITE; }
// sqlite3_db_config is variadic.
static inline void ts_sqlite3_defensive(sqlite3 *database) {
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
}

#endif
