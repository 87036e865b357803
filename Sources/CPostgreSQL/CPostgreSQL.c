#include "CPostgreSQL.h"

#include <dlfcn.h>
#include <pthread.h>
#include <postgresql/libpq-fe.h>
#include <stddef.h>

static struct {
  PGconn *(*connect)(const char *const *, const char *const *, int);
  void (*finish)(PGconn *);
  ConnStatusType (*status)(const PGconn *);
  char *(*error)(const PGconn *);
  PGresult *(*exec)(PGconn *, const char *, int, const Oid *, const char *const *, const int *, const int *, int);
  void (*clear)(PGresult *);
  ExecStatusType (*result_status)(const PGresult *);
  char *(*result_error)(const PGresult *);
  char *(*error_field)(const PGresult *, int);
  int (*rows)(const PGresult *);
  int (*columns)(const PGresult *);
  char *(*name)(const PGresult *, int);
  char *(*value)(const PGresult *, int, int);
  int (*is_null)(const PGresult *, int, int);
  Oid (*type)(const PGresult *, int);
} api;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int is_loaded;

// Stores are opened by several threads.
static void load_once(void) {
  void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
  api.connect = dlsym(library, "PQconnectdbParams");
  api.finish = dlsym(library, "PQfinish");
  api.status = dlsym(library, "PQstatus");
  api.error = dlsym(library, "PQerrorMessage");
  api.exec = dlsym(library, "PQexecParams");
  api.clear = dlsym(library, "PQclear");
  api.result_status = dlsym(library, "PQresultStatus");
  api.result_error = dlsym(library, "PQresultErrorMessage");
  api.error_field = dlsym(library, "PQresultErrorField");
  api.rows = dlsym(library, "PQntuples");
  api.columns = dlsym(library, "PQnfields");
  api.name = dlsym(library, "PQfname");
  api.value = dlsym(library, "PQgetvalue");
  api.is_null = dlsym(library, "PQgetisnull");
  if (!api.connect || !api.finish || !api.status || !api.error || !api.exec || !api.clear || !api.result_status ||
      !api.result_error || !api.error_field || !api.rows || !api.columns || !api.name || !api.value || !api.is_null)
    return;
  api.type = dlsym(library, "PQftype");
  is_loaded = api.type != NULL;
}

static int load(void) {
  pthread_once(&once, load_once);
  return is_loaded;
}

// The two types of the header are libpq's under names that need no header of theirs.
#define CONNECTION(pg) ((PGconn *)(pg))
#define RESULT(result) ((PGresult *)(result))

ts_pg *ts_pg_new(const char *url) {
  if (!load()) return NULL;
  // libpq would wait for a host that doesn't answer as long as the system does, minutes. A URL's own limit comes later.
  const char *const names[] = {"connect_timeout", "dbname", NULL};
  const char *const values[] = {"10", url, NULL};
  return (ts_pg *)api.connect(names, values, 1);
}
void ts_pg_free(ts_pg *pg) { api.finish(CONNECTION(pg)); }
int ts_pg_is_connected(const ts_pg *pg) { return api.status(CONNECTION(pg)) == CONNECTION_OK; }
const char *ts_pg_error(const ts_pg *pg) { return api.error(CONNECTION(pg)); }
ts_pg_result *ts_pg_run(ts_pg *pg, const char *sql, int count, const char *const *values) {
  return (ts_pg_result *)api.exec(CONNECTION(pg), sql, count, NULL, values, NULL, NULL, 0);
}
void ts_pg_result_free(ts_pg_result *result) { api.clear(RESULT(result)); }
const char *ts_pg_sqlstate(const ts_pg_result *result) {
  ExecStatusType status = api.result_status(RESULT(result));
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return NULL;
  const char *state = api.error_field(RESULT(result), PG_DIAG_SQLSTATE);
  // A lost connection has no state: 08 is the class of such.
  return state ? state : "08006";
}
const char *ts_pg_result_error(const ts_pg_result *result) { return api.result_error(RESULT(result)); }
int ts_pg_rows(const ts_pg_result *result) { return api.rows(RESULT(result)); }
int ts_pg_columns(const ts_pg_result *result) { return api.columns(RESULT(result)); }
const char *ts_pg_name(const ts_pg_result *result, int column) { return api.name(RESULT(result), column); }
const char *ts_pg_value(const ts_pg_result *result, int row, int column) {
  return api.is_null(RESULT(result), row, column) ? NULL : api.value(RESULT(result), row, column);
}
unsigned ts_pg_type(const ts_pg_result *result, int column) { return api.type(RESULT(result), column); }
