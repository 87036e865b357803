#ifndef CPCRE2_SHIM_H
#define CPCRE2_SHIM_H

// The header wants to know the code unit's width, and its functions are macros over it.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static inline pcre2_code *ts_pcre2_compile(const uint8_t *pattern, size_t length) {
  int error;
  PCRE2_SIZE offset;
  return pcre2_compile(pattern, length, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &offset, NULL);
}
static inline void ts_pcre2_free(pcre2_code *code) { pcre2_code_free(code); }

// A limit on backtracking keeps a hostile pattern from stopping the engine.
static inline pcre2_match_context *ts_pcre2_context(uint32_t match_limit) {
  pcre2_match_context *context = pcre2_match_context_create(NULL);
  pcre2_set_match_limit(context, match_limit);
  return context;
}
static inline void ts_pcre2_free_context(pcre2_match_context *context) { pcre2_match_context_free(context); }
static inline pcre2_match_data *ts_pcre2_data(const pcre2_code *code) {
  return pcre2_match_data_create_from_pattern(code, NULL);
}
static inline void ts_pcre2_free_data(pcre2_match_data *data) { pcre2_match_data_free(data); }
static inline int ts_pcre2_match(const pcre2_code *code, const uint8_t *text, size_t length, size_t start,
                                 pcre2_match_data *data, pcre2_match_context *context) {
  return pcre2_match(code, text, length, start, PCRE2_NO_UTF_CHECK, data, context);
}
static inline int ts_pcre2_group_count(const pcre2_code *code) {
  uint32_t count = 0;
  return pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &count) == 0 ? (int)count : 0;
}
static inline const size_t *ts_pcre2_offsets(pcre2_match_data *data) { return pcre2_get_ovector_pointer(data); }

#endif
