#include "CCurl.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_LIMIT = 64 << 20 };

struct ts_http {
  CURL *curl;
  char *answer;
  size_t length, capacity;
};

static struct {
  CURLcode (*global_init)(long);
  CURL *(*init)(void);
  CURLcode (*setopt)(CURL *, CURLoption, ...);
  CURLcode (*getinfo)(CURL *, CURLINFO, ...);
  CURLcode (*perform)(CURL *);
  void (*reset)(CURL *);
  void (*cleanup)(CURL *);
  const char *(*message)(CURLcode);
  struct curl_slist *(*append)(struct curl_slist *, const char *);
  void (*free_all)(struct curl_slist *);
} api;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int is_loaded;

// Stores are opened by several threads.
static void load_once(void) {
  void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
  api.global_init = dlsym(library, "curl_global_init");
  api.init = dlsym(library, "curl_easy_init");
  api.setopt = dlsym(library, "curl_easy_setopt");
  api.getinfo = dlsym(library, "curl_easy_getinfo");
  api.perform = dlsym(library, "curl_easy_perform");
  api.reset = dlsym(library, "curl_easy_reset");
  api.cleanup = dlsym(library, "curl_easy_cleanup");
  api.message = dlsym(library, "curl_easy_strerror");
  api.free_all = dlsym(library, "curl_slist_free_all");
  if (!api.global_init || !api.init || !api.setopt || !api.getinfo || !api.perform || !api.reset || !api.cleanup ||
      !api.message || !api.free_all || api.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return;
  api.append = dlsym(library, "curl_slist_append");
  is_loaded = api.append != NULL;
}

static int load(void) {
  pthread_once(&once, load_once);
  return is_loaded;
}

static size_t take(char *bytes, size_t size, size_t count, void *data) {
  ts_http *http = data;
  size_t more = size * count;
  if (http->length + more > ANSWER_LIMIT) return 0;
  if (http->length + more + 1 > http->capacity) {
    size_t capacity = 2 * (http->length + more) + 1024;
    char *grown = realloc(http->answer, capacity);
    if (!grown) return 0;
    http->answer = grown;
    http->capacity = capacity;
  }
  memcpy(http->answer + http->length, bytes, more);
  http->length += more;
  return more;
}

ts_http *ts_http_new(void) {
  if (!load()) return NULL;
  ts_http *http = calloc(1, sizeof *http);
  if (http && !(http->curl = api.init())) {
    free(http);
    http = NULL;
  }
  return http;
}

void ts_http_free(ts_http *http) {
  if (!http) return;
  api.cleanup(http->curl);
  free(http->answer);
  free(http);
}

long ts_http_request(ts_http *http, const char *url, const char *const *headers, const void *body, size_t length,
                     const char *user, const char *password, const char *authority_file, long timeout_ms) {
  struct curl_slist *list = NULL;
  CURL *curl = http->curl;
  http->length = 0;
  api.reset(curl);
  api.setopt(curl, CURLOPT_URL, url);
  // Nothing but what the user named: no files, no other protocols by redirection.
  api.setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  api.setopt(curl, CURLOPT_NOSIGNAL, 1L);
  api.setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
  api.setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < 5000 ? timeout_ms : 5000L);
  api.setopt(curl, CURLOPT_WRITEFUNCTION, take);
  api.setopt(curl, CURLOPT_WRITEDATA, http);
  for (; headers && *headers; headers++) list = api.append(list, *headers);
  // A small POST needn't ask first.
  list = api.append(list, "Expect:");
  api.setopt(curl, CURLOPT_HTTPHEADER, list);
  if (body) {
    api.setopt(curl, CURLOPT_POSTFIELDS, body);
    api.setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
  }
  if (user) api.setopt(curl, CURLOPT_USERNAME, user);
  if (password) api.setopt(curl, CURLOPT_PASSWORD, password);
  if (authority_file) api.setopt(curl, CURLOPT_CAINFO, authority_file);
  CURLcode code = api.perform(curl);
  long status = 0;
  if (code == CURLE_OK) {
    api.getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  } else {
    const char *reason = api.message(code);
    http->length = 0;
    take((char *)reason, 1, strlen(reason), http);
  }
  api.free_all(list);
  return status;
}

const char *ts_http_answer(const ts_http *http, size_t *length) {
  *length = http->length;
  return http->answer ? http->answer : "";
}

struct mail {
  const char *rest;
  size_t length;
};

static size_t give(char *target, size_t size, size_t count, void *data) {
  struct mail *mail = data;
  size_t room = size * count;
  size_t part = mail->length < room ? mail->length : room;
  memcpy(target, mail->rest, part);
  mail->rest += part;
  mail->length -= part;
  return part;
}

int ts_mail_send(const char *url, const char *sender, const char *const *recipients, const void *message, size_t length,
                 long timeout_ms, char *reason, size_t size) {
  reason[0] = 0;
  CURL *curl = load() ? api.init() : NULL;
  if (!curl) return 0;
  struct mail mail = {message, length};
  struct curl_slist *list = NULL;
  for (; *recipients; recipients++) list = api.append(list, *recipients);
  const char *authority = strstr(url, "://");
  const char *at = authority ? strchr(authority, '@') : NULL;
  api.setopt(curl, CURLOPT_URL, url);
  api.setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  api.setopt(curl, CURLOPT_NOSIGNAL, 1L);
  api.setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
  api.setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < 5000 ? timeout_ms : 5000L);
  // A password goes only over TLS.
  api.setopt(curl, CURLOPT_USE_SSL, (long)(at ? CURLUSESSL_ALL : CURLUSESSL_TRY));
  api.setopt(curl, CURLOPT_MAIL_FROM, sender);
  api.setopt(curl, CURLOPT_MAIL_RCPT, list);
  api.setopt(curl, CURLOPT_READFUNCTION, give);
  api.setopt(curl, CURLOPT_READDATA, &mail);
  api.setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)length);
  api.setopt(curl, CURLOPT_UPLOAD, 1L);
  CURLcode code = api.perform(curl);
  if (code != CURLE_OK) {
    strncpy(reason, api.message(code), size - 1);
    reason[size - 1] = 0;
  }
  api.free_all(list);
  api.cleanup(curl);
  return code == CURLE_OK;
}
