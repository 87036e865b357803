#ifndef CCURL_H
#define CCURL_H

#include <stddef.h>

// HTTP requests through libcurl. Its options are set by a variadic function, which Swift can't call. The library is
// loaded at the first use: with the two dozen others that it needs it would double the time that the program takes to
// start, and few need it.

typedef struct ts_http ts_http;

/// Null if libcurl isn't installed. The caller frees the result with ts_http_free.
ts_http *ts_http_new(void);
void ts_http_free(ts_http *http);

/// Sends a request; a `body` makes it a POST. Returns the status, or 0 if no answer came: then the text of the answer
/// is the reason. The connection is kept for the next request.
long ts_http_request(ts_http *http, const char *url, const char *const *headers, const void *body, size_t length,
                     const char *user, const char *password, const char *authority_file, long timeout_ms);

/// The last answer, at most 64 MiB of it; valid until the next request.
const char *ts_http_answer(const ts_http *http, size_t *length);

/// Sends a mail through the server `url` (smtp:// or smtps://, with user and password if it needs them). `message` is
/// the whole text with its headers. Returns whether it was taken; otherwise `reason` has why, empty if libcurl isn't
/// installed.
int ts_mail_send(const char *url, const char *sender, const char *const *recipients, const void *message, size_t length,
                 long timeout_ms, char *reason, size_t size);

#endif
