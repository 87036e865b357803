#ifndef CZLIB_SHIM_H
#define CZLIB_SHIM_H

#include <string.h>
#include <zlib.h>

// deflateInit2 is a macro. Compresses in the gzip format; returns the length, 0 where it doesn't fit.
static inline size_t ts_gzip(const void *text, size_t length, void *result, size_t capacity) {
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
  stream.next_in = (Bytef *)text;
  stream.avail_in = (uInt)length;
  stream.next_out = (Bytef *)result;
  stream.avail_out = (uInt)capacity;
  int code = deflate(&stream, Z_FINISH);
  size_t written = stream.total_out;
  deflateEnd(&stream);
  return code == Z_STREAM_END ? written : 0;
}
static inline size_t ts_gzip_bound(size_t length) { return compressBound(length) + 32; }

#endif
