#include <stdlib.h>
#include <editline/readline.h>

// Swift can't use C's mutable globals in concurrency-safe code; these are for the one thread that reads lines.

/// Lets `complete` complete words, and nothing complete the names of files; `breaks` end words.
static inline void ts_rl_complete_with(rl_completion_func_t *complete, const char *breaks) {
  rl_attempted_completion_function = complete;
  // libedit 3.1 completes by the basic ones.
  rl_basic_word_break_characters = breaks;
  rl_completer_word_break_characters = (char *)breaks;
}

/// Says that the words offered are all there are, and whether a blank follows the only one.
static inline void ts_rl_offer_only_these(int followed_by_blank) {
  rl_attempted_completion_over = 1;
  rl_completion_append_character = followed_by_blank ? ' ' : 0;
}

/// The first `count` bytes of the line that is typed, and perhaps one more or less, to be freed; NULL if there are none.
/// libedit's rl_line_buffer isn't used: it points to where the line was before it outgrew its buffer.
static inline char *ts_rl_beginning(int count) { return rl_copy_text(0, count + 1); }
