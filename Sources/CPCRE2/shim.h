#ifndef CPCRE2_SHIM_H
#define CPCRE2_SHIM_H

// The header needs the code unit's width, and its functions are macros over it.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

// What matching may still cost, in bytes read. PCRE2's own match limit begins again at each place of the subject and
// counts no bytes; this one is a total over as many calls as its owner likes.
typedef struct {
  uint64_t left;
  // Where the last item ended.
  size_t position;
  // What each item costs besides the bytes it moves by: an item that fails after many bytes doesn't move.
  uint64_t item;
  // Whether items compare with what groups have matched.
  int has_references;
} ts_pcre2_budget;

// The results of ts_pcre2_match besides counts of groups.
#define TS_PCRE2_NOMATCH PCRE2_ERROR_NOMATCH
#define TS_PCRE2_ITEM 16

// Heap for steps back of one match, in KiB, and how many of them may nest.
#define TS_PCRE2_HEAP 32768
#define TS_PCRE2_DEPTH 250000

// The largest number behind a '{' or a ',': an exact repetition may read so many characters before it fails. What is no
// repetition only makes the items cost more.
static inline uint64_t ts_pcre2_repetition(const uint8_t *pattern, size_t length) {
  uint64_t largest = 0;
  for (size_t i = 0; i + 1 < length; i++) {
    if (pattern[i] != '{' && pattern[i] != ',') continue;
    uint64_t number = 0;
    for (size_t j = i + 1; j < length && pattern[j] >= '0' && pattern[j] <= '9' && number < 65536; j++)
      number = number * 10 + (pattern[j] - '0');
    if (number > largest) largest = number;
  }
  return largest;
}

// What compiling costs, in nanoseconds. For a range of a class without regard to case PCRE2 looks at each of its
// characters, up to a million. A range that may be one counts as the longest.
static inline uint64_t ts_pcre2_compile_cost(const uint8_t *pattern, size_t length) {
  const uint64_t base = 512, byte = 64, range = 1 << 24;
  uint64_t cost = base + byte * length;
  int ignores_case = 0, has_class = 0;
  for (size_t i = 0; i + 1 < length; i++) {
    if (pattern[i] == '(' && pattern[i + 1] == '?') {
      for (size_t j = i + 2; j < length && pattern[j] != ')' && pattern[j] != ':' && pattern[j] != '('; j++)
        if (pattern[j] == 'i') ignores_case = 1;
    }
    if (pattern[i] == '[') has_class = 1;
    if (!ignores_case || !has_class || pattern[i] != '-') continue;
    uint8_t next = pattern[i + 1], code = i + 2 < length ? pattern[i + 2] : 0;
    if (next >= 0x80 || (next == '\\' && (code == 'x' || code == 'o' || code == 'N'))) cost += range;
  }
  return cost;
}

// Each item of the pattern calls out, which is what the budget counts.
static inline pcre2_code *ts_pcre2_compile(const uint8_t *pattern, size_t length) {
  int error;
  PCRE2_SIZE offset;
  return pcre2_compile(pattern, length, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT, &error, &offset, NULL);
}
static inline void ts_pcre2_free(pcre2_code *code) { pcre2_code_free(code); }

static inline int ts_pcre2_spend(pcre2_callout_block *block, void *data) {
  ts_pcre2_budget *budget = data;
  size_t position = block->current_position;
  uint64_t cost = budget->item;
  cost += position > budget->position ? position - budget->position : budget->position - position;
  budget->position = position;
  if (budget->has_references) {
    size_t longest = 0;
    for (uint32_t group = 1; group < block->capture_top; group++) {
      PCRE2_SIZE start = block->offset_vector[2 * group], end = block->offset_vector[2 * group + 1];
      if (start != PCRE2_UNSET && end != PCRE2_UNSET && end > start && end - start > longest) longest = end - start;
    }
    cost += block->capture_top + longest;
  }
  if (cost > budget->left) {
    budget->left = 0;
    return PCRE2_ERROR_MATCHLIMIT;
  }
  budget->left -= cost;
  return 0;
}

// The budget must live as long as the context.
static inline pcre2_match_context *ts_pcre2_context(const pcre2_code *code, const uint8_t *pattern, size_t length,
                                                    ts_pcre2_budget *budget) {
  pcre2_match_context *context = pcre2_match_context_create(NULL);
  if (!context) return NULL;
  uint32_t references = 0;
  pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &references);
  budget->has_references = references > 0;
  budget->item = TS_PCRE2_ITEM + ts_pcre2_repetition(pattern, length);
  pcre2_set_heap_limit(context, TS_PCRE2_HEAP);
  pcre2_set_depth_limit(context, TS_PCRE2_DEPTH);
  pcre2_set_callout(context, ts_pcre2_spend, budget);
  return context;
}
static inline void ts_pcre2_free_context(pcre2_match_context *context) { pcre2_match_context_free(context); }
static inline pcre2_match_data *ts_pcre2_data(const pcre2_code *code) {
  return pcre2_match_data_create_from_pattern(code, NULL);
}
static inline void ts_pcre2_free_data(pcre2_match_data *data) { pcre2_match_data_free(data); }

// The number of groups that took part and one, TS_PCRE2_NOMATCH, or less: the budget, the heap or the depth is used up.
static inline int ts_pcre2_match(const pcre2_code *code, const uint8_t *text, size_t length, size_t start,
                                 pcre2_match_data *data, pcre2_match_context *context, ts_pcre2_budget *budget) {
  budget->position = start;
  return pcre2_match(code, text, length, start, PCRE2_NO_UTF_CHECK, data, context);
}
static inline int ts_pcre2_group_count(const pcre2_code *code) {
  uint32_t count = 0;
  return pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &count) == 0 ? (int)count : 0;
}
static inline const size_t *ts_pcre2_offsets(pcre2_match_data *data) { return pcre2_get_ovector_pointer(data); }

#endif
