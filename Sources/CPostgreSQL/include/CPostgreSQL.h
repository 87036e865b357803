#ifndef CPOSTGRESQL_H
#define CPOSTGRESQL_H

// libpq, loaded at the first use, for the reason that CCurl.h gives.

typedef struct ts_pg ts_pg;
typedef struct ts_pg_result ts_pg_result;

/// Connects; null if libpq isn't installed. The caller frees the result with ts_pg_free, also if ts_pg_is_connected says that
/// it isn't connected.
ts_pg *ts_pg_new(const char *url);
void ts_pg_free(ts_pg *pg);
int ts_pg_is_connected(const ts_pg *pg);
const char *ts_pg_error(const ts_pg *pg);

/// Runs one statement with text parameters, null ones being NULL. The caller frees the result with ts_pg_result_free.
ts_pg_result *ts_pg_run(ts_pg *pg, const char *sql, int count, const char *const *values);
void ts_pg_result_free(ts_pg_result *result);
/// Null if the statement succeeded, else five characters.
const char *ts_pg_sqlstate(const ts_pg_result *result);
const char *ts_pg_result_error(const ts_pg_result *result);
int ts_pg_rows(const ts_pg_result *result);
int ts_pg_columns(const ts_pg_result *result);
const char *ts_pg_name(const ts_pg_result *result, int column);
/// Null for NULL.
const char *ts_pg_value(const ts_pg_result *result, int row, int column);
/// The type's object identifier.
unsigned ts_pg_type(const ts_pg_result *result, int column);

#endif
