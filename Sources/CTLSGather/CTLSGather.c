#include "CTLSGather.h"

#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// The plaintext of one TLS record (RFC 8446 section 5.1).
enum { RECORD_SIZE = 16384 };

struct gather {
  int is_open;
  int count;
  unsigned char bytes[RECORD_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int data_index = -1;
static int (*openssl_write)(SSL *, const void *, int);

static void free_gather(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long number, void *pointer) {
  (void)parent, (void)all, (void)index, (void)number, (void)pointer;
  free(data);
}

static void prepare(void) {
  // POSIX has data and function pointers of one size, which C doesn't know.
  *(void **)&openssl_write = dlsym(RTLD_NEXT, "SSL_write");
  data_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_gather);
}

static struct gather *gather_of(SSL *ssl) {
  pthread_once(&once, prepare);
  return data_index < 0 ? NULL : SSL_get_ex_data(ssl, data_index);
}

int ts_gather_prepare(void *ssl) {
  if (gather_of(ssl) != NULL) return 1;
  if (openssl_write == NULL || data_index < 0) return 0;
  struct gather *gather = malloc(sizeof *gather);
  if (gather == NULL) return 0;
  gather->is_open = gather->count = 0;
  if (SSL_set_ex_data(ssl, data_index, gather) == 1) return 1;
  free(gather);
  return 0;
}

void ts_gather_set_open(void *ssl, int is_open) {
  struct gather *gather = gather_of(ssl);
  if (gather != NULL) gather->is_open = is_open;
}

int ts_gather_flush(void *ssl) {
  struct gather *gather = gather_of(ssl);
  if (gather == NULL) return 1;
  while (gather->count > 0) {
    ERR_clear_error();
    int written = openssl_write(ssl, gather->bytes, gather->count);
    if (written <= 0) {
      int reason = SSL_get_error(ssl, written);
      return reason == SSL_ERROR_WANT_WRITE || reason == SSL_ERROR_WANT_READ ? 0 : -1;
    }
    gather->count -= written;
    memmove(gather->bytes, gather->bytes + written, gather->count);
  }
  return 1;
}

int SSL_write(SSL *ssl, const void *bytes, int count) {
  struct gather *gather = gather_of(ssl);
  if (openssl_write == NULL) return -1;
  if (gather == NULL || count <= 0) return openssl_write(ssl, bytes, count);
  int fits = gather->is_open && count <= RECORD_SIZE - gather->count;
  // What was collected goes first. If it can't, SSL_get_error tells the caller why, as if the caller's bytes had been tried.
  if (!fits && ts_gather_flush(ssl) != 1) return -1;
  if (!gather->is_open || count > RECORD_SIZE) return openssl_write(ssl, bytes, count);
  memcpy(gather->bytes + gather->count, bytes, count);
  gather->count += count;
  return count;
}
