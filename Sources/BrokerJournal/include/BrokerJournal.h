// A journal of records in a folder: appended to before a message is acknowledged, read again after a crash, and shortened from
// its beginning. The user of the journal defines what the records hold.
//
// The folder has segments, files named by a growing number. A record is a header of 20 bytes and a body; both have a CRC-32, so
// that a damaged or cut record is skipped and the next one is found again. A journal never appends to a file of an earlier
// process: an unfinished record at the end of that file stays as it is.
//
// A record is in the page cache when journal_append returns: from then on, it survives if the process is killed. Only
// journal_sync makes it survive a power failure. A journal is used by one thread.

#ifndef TRUCKSENSOR_BROKER_JOURNAL_H
#define TRUCKSENSOR_BROKER_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JOURNAL_REASON_SIZE = 512 };

struct journal;

// Where a record begins or ends.
struct journal_place {
  uint64_t segment;
  uint64_t offset;
};

struct journal_record {
  struct journal_place place;
  struct journal_place end;
  uint8_t kind;
  const uint8_t *body;  // owned by the reader, until it reads on
  size_t size;
};

// Opens the folder's journal, creates the folder if it is missing, and locks it. NULL, and the reason in `reason`
// (JOURNAL_REASON_SIZE bytes), if it can't be read or another process has it. `limit` is the maximum size of all segments
// together, in bytes, and `segment_limit` the size at which the next segment begins. With `is_durable`, a segment is made durable
// before the next one begins; the rest is up to journal_sync.
struct journal *journal_open(
    const char *folder, uint64_t limit, uint64_t segment_limit, bool is_durable, char *reason);

void journal_close(struct journal *journal);

// `begin` is called at the beginning of each new segment. It appends what must be known without the segments before, in less than
// `segment_limit` bytes, and returns false, and the reason in `reason`, if it can't.
void journal_on_segment(struct journal *journal, bool (*begin)(void *closure, char *reason), void *closure);

// Appends a record and sets `place` and `end` of `record`. False, and the reason in `reason`, if it can't be written completely;
// then nothing is appended.
bool journal_append(
    struct journal *journal, uint8_t kind, const void *body, size_t size, struct journal_record *record, char *reason);

// Whether a record with a body of this size fits into the journal's limit.
bool journal_has_room(const struct journal *journal, size_t size);

// Makes durable what was appended to the last segment; false, and the reason, if that can't be done.
bool journal_sync(struct journal *journal, char *reason);

// The beginning of the oldest segment.
struct journal_place journal_begin(const struct journal *journal);

// The place of the next record.
struct journal_place journal_end(const struct journal *journal);

// Removes all segments before the one with this number, but never the last one.
void journal_shorten(struct journal *journal, uint64_t segment);

// The size of all segments, in bytes.
uint64_t journal_size(const struct journal *journal);

struct journal_reader;

struct journal_reader *journal_reader_new(struct journal *journal, struct journal_place place);

void journal_reader_free(struct journal_reader *reader);

// Reads on from this place.
void journal_reader_move(struct journal_reader *reader, struct journal_place place);

enum journal_found { JOURNAL_RECORD, JOURNAL_END, JOURNAL_UNREADABLE };

// Reads the next good record. JOURNAL_UNREADABLE, and the reason in `reason`, if a file can't be read.
enum journal_found journal_read(struct journal_reader *reader, struct journal_record *record, char *reason);

// The number of bytes skipped since the reader was created because they aren't a valid record.
uint64_t journal_reader_skipped(const struct journal_reader *reader);

#endif
