#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <zlib.h>

#include "BrokerJournal.h"

static const uint32_t magic = 0x314a5354;  // "TSJ1" as bytes
static const char name_format[] = "%020" PRIu64 ".journal";
enum { NAME_LENGTH = 28, CHUNK = 1 << 18 };

struct header {
  uint32_t magic;
  uint32_t size;
  uint32_t body_sum;
  uint8_t kind;
  uint8_t unused[3];
  uint32_t header_sum;  // of all before it
};
_Static_assert(sizeof(struct header) == 20, "the header has no gaps");

struct segment {
  uint64_t number;
  uint64_t size;
};

struct journal {
  char *folder;
  int directory;  // locked while the journal is open
  uint64_t limit;
  uint64_t segment_limit;
  struct segment *segments;  // sorted by number
  size_t count;
  uint64_t total;
  int file;  // of the last segment; -1 if nothing is appended to it
  bool is_durable;
  bool is_dirty;
  bool is_new;  // whether the folder's list of files isn't durable yet
  bool (*begin)(void *, char *);
  void *closure;
};

static uint32_t checksum(const void *bytes, size_t size) {
  return (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, size);
}

static void explain(char *reason, const char *what, const char *path, int code) {
  snprintf(reason, JOURNAL_REASON_SIZE, "%s %s: %s", what, path, strerror(code));
}

static void path_of(const struct journal *journal, uint64_t number, char path[PATH_MAX]) {
  char name[NAME_LENGTH + 1];
  snprintf(name, sizeof name, name_format, number);
  snprintf(path, PATH_MAX, "%s/%s", journal->folder, name);
}

// MARK: Segments

static bool add_segment(struct journal *journal, uint64_t number, uint64_t size) {
  struct segment *grown = realloc(journal->segments, (journal->count + 1) * sizeof *grown);
  if (grown == NULL) return false;
  journal->segments = grown;
  journal->segments[journal->count++] = (struct segment){number, size};
  journal->total += size;
  return true;
}

static int by_number(const void *left, const void *right) {
  const struct segment *first = left, *second = right;
  return (first->number > second->number) - (first->number < second->number);
}

static bool list_segments(struct journal *journal, char *reason) {
  DIR *list = opendir(journal->folder);
  if (list == NULL) {
    explain(reason, "can't list", journal->folder, errno);
    return false;
  }
  bool is_good = true;
  for (struct dirent *entry; is_good && (entry = readdir(list)) != NULL;) {
    uint64_t number = 0;
    char name[NAME_LENGTH + 1], path[PATH_MAX];
    if (strlen(entry->d_name) != NAME_LENGTH || sscanf(entry->d_name, "%20" SCNu64, &number) != 1) continue;
    snprintf(name, sizeof name, name_format, number);
    if (strcmp(name, entry->d_name) != 0 || number == 0 || number == UINT64_MAX) continue;
    path_of(journal, number, path);
    // Find out now whether it can be read, not when its records are missing.
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    int code = file < 0 || fstat(file, &status) != 0 ? errno : S_ISREG(status.st_mode) ? 0 : EISDIR;
    if (file >= 0) close(file);
    if (code != 0) {
      explain(reason, "can't read", path, code);
      is_good = false;
    } else if (!add_segment(journal, number, (uint64_t)status.st_size)) {
      explain(reason, "can't read", path, ENOMEM);
      is_good = false;
    }
  }
  closedir(list);
  if (journal->count > 0) qsort(journal->segments, journal->count, sizeof *journal->segments, by_number);
  return is_good;
}

struct journal *journal_open(
    const char *folder, uint64_t limit, uint64_t segment_limit, bool is_durable, char *reason) {
  struct journal *journal = calloc(1, sizeof *journal);
  if (journal != NULL) journal->folder = strdup(folder);
  if (journal == NULL || journal->folder == NULL || strlen(folder) + NAME_LENGTH + 2 > PATH_MAX) {
    free(journal);
    explain(reason, "can't open", folder, journal == NULL ? ENOMEM : ENAMETOOLONG);
    return NULL;
  }
  journal->limit = limit;
  journal->segment_limit = segment_limit;
  journal->is_durable = is_durable;
  journal->file = journal->directory = -1;
  int code = mkdir(folder, 0700) != 0 && errno != EEXIST ? errno : 0;
  if (code == 0) journal->directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (code == 0 && journal->directory < 0) code = errno;
  if (code != 0) {
    explain(reason, "can't open", folder, code);
  } else if (flock(journal->directory, LOCK_EX | LOCK_NB) != 0) {
    snprintf(reason, JOURNAL_REASON_SIZE, "another broker uses %s", folder);
  } else if (list_segments(journal, reason)) {
    return journal;
  }
  journal_close(journal);
  return NULL;
}

void journal_close(struct journal *journal) {
  if (journal == NULL) return;
  if (journal->file >= 0) close(journal->file);
  if (journal->directory >= 0) close(journal->directory);
  free(journal->segments);
  free(journal->folder);
  free(journal);
}

void journal_on_segment(struct journal *journal, bool (*begin)(void *, char *), void *closure) {
  journal->begin = begin;
  journal->closure = closure;
}

struct journal_place journal_begin(const struct journal *journal) {
  return (struct journal_place){journal->count > 0 ? journal->segments[0].number : 1, 0};
}

struct journal_place journal_end(const struct journal *journal) {
  if (journal->count == 0) return (struct journal_place){1, 0};
  const struct segment *last = &journal->segments[journal->count - 1];
  // Nothing is appended to a file of an earlier process.
  if (journal->file < 0) return (struct journal_place){last->number + 1, 0};
  return (struct journal_place){last->number, last->size};
}

uint64_t journal_size(const struct journal *journal) { return journal->total; }

void journal_shorten(struct journal *journal, uint64_t segment) {
  size_t gone = 0;
  while (gone + 1 < journal->count && journal->segments[gone].number < segment) {
    char path[PATH_MAX];
    path_of(journal, journal->segments[gone].number, path);
    if (unlink(path) != 0 && errno != ENOENT) break;
    journal->total -= journal->segments[gone].size;
    gone++;
  }
  if (gone == 0) return;
  journal->count -= gone;
  memmove(journal->segments, journal->segments + gone, journal->count * sizeof *journal->segments);
}

// MARK: Appending

static void close_segment(struct journal *journal) {
  if (journal->file >= 0) close(journal->file);
  journal->file = -1;
  journal->is_dirty = false;
}

static bool begin_segment(struct journal *journal, char *reason) {
  if (journal->is_durable && !journal_sync(journal, reason)) return false;
  uint64_t number = journal->count > 0 ? journal->segments[journal->count - 1].number + 1 : 1;
  char path[PATH_MAX];
  path_of(journal, number, path);
  int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) {
    explain(reason, "can't make", path, errno);
    return false;
  }
  if (!add_segment(journal, number, 0)) {
    explain(reason, "can't make", path, ENOMEM);
    close(file);
    return false;
  }
  close_segment(journal);
  journal->file = file;
  journal->is_new = true;
  if (journal->begin == NULL || journal->begin(journal->closure, reason)) return true;
  // Without its beginning, the segment is useless once the earlier segments are removed.
  close_segment(journal);
  unlink(path);
  journal->total -= journal->segments[--journal->count].size;
  return false;
}

// Removes what was written of a record, and closes the segment: another file may be able to grow if this one can't. If the
// removal fails, no reader takes the rest for a record.
static void give_up_segment(struct journal *journal, uint64_t size) {
  // If this fails, nothing else helps, and nothing is lost.
  if (ftruncate(journal->file, (off_t)size) != 0) errno = 0;
  close_segment(journal);
}

bool journal_has_room(const struct journal *journal, size_t size) {
  return journal->total + sizeof(struct header) + size <= journal->limit;
}

bool journal_append(
    struct journal *journal, uint8_t kind, const void *body, size_t size, struct journal_record *record, char *reason) {
  if (size > UINT32_MAX) {
    explain(reason, "can't write to", journal->folder, EFBIG);
    return false;
  }
  struct header header = {.magic = magic, .size = (uint32_t)size, .body_sum = checksum(body, size), .kind = kind};
  header.header_sum = checksum(&header, offsetof(struct header, header_sum));
  size_t length = sizeof header + size;
  if (!journal_has_room(journal, size)) {
    snprintf(
        reason, JOURNAL_REASON_SIZE, "%s has reached its limit of %" PRIu64 " bytes", journal->folder, journal->limit);
    return false;
  }
  bool is_full = journal->file >= 0 && journal->segments[journal->count - 1].size >= journal->segment_limit;
  if ((journal->file < 0 || is_full) && !begin_segment(journal, reason)) return false;
  struct segment *segment = &journal->segments[journal->count - 1];
  struct iovec parts[] = {{&header, sizeof header}, {(void *)body, size}};
  ssize_t written = 0;
  do {
    written = writev(journal->file, parts, 2);
  } while (written < 0 && errno == EINTR);
  if (written != (ssize_t)length) {
    int code = written < 0 ? errno : ENOSPC;
    char path[PATH_MAX];
    path_of(journal, segment->number, path);
    give_up_segment(journal, segment->size);
    explain(reason, "can't write to", path, code);
    return false;
  }
  record->place = (struct journal_place){segment->number, segment->size};
  segment->size += length;
  journal->total += length;
  journal->is_dirty = true;
  record->end = (struct journal_place){segment->number, segment->size};
  return true;
}

bool journal_sync(struct journal *journal, char *reason) {
  if (!journal->is_dirty || journal->file < 0) return true;
  if (fdatasync(journal->file) != 0 || (journal->is_new && fsync(journal->directory) != 0)) {
    explain(reason, "can't make durable:", journal->folder, errno);
    return false;
  }
  journal->is_dirty = journal->is_new = false;
  return true;
}

// MARK: Reading

struct journal_reader {
  struct journal *journal;
  struct journal_place place;  // of the next byte to read
  int file;
  uint64_t file_segment;
  uint8_t *buffer;  // bytes of the segment from `start` on
  size_t capacity;
  size_t length;
  uint64_t start;
  uint64_t skipped;
};

struct journal_reader *journal_reader_new(struct journal *journal, struct journal_place place) {
  struct journal_reader *reader = calloc(1, sizeof *reader);
  if (reader == NULL) return NULL;
  reader->journal = journal;
  reader->place = place;
  reader->file = -1;
  return reader;
}

void journal_reader_free(struct journal_reader *reader) {
  if (reader == NULL) return;
  if (reader->file >= 0) close(reader->file);
  free(reader->buffer);
  free(reader);
}

void journal_reader_move(struct journal_reader *reader, struct journal_place place) { reader->place = place; }

uint64_t journal_reader_skipped(const struct journal_reader *reader) { return reader->skipped; }

static const struct segment *segment_from(const struct journal *journal, uint64_t number) {
  for (size_t i = 0; i < journal->count; i++) {
    if (journal->segments[i].number >= number) return &journal->segments[i];
  }
  return NULL;
}

static bool open_segment(struct journal_reader *reader, uint64_t number, char *reason) {
  if (reader->file >= 0 && reader->file_segment == number) return true;
  if (reader->file >= 0) close(reader->file);
  char path[PATH_MAX];
  path_of(reader->journal, number, path);
  reader->file = open(path, O_RDONLY | O_CLOEXEC);
  reader->file_segment = number;
  reader->length = 0;
  reader->start = 0;
  if (reader->file >= 0) return true;
  explain(reason, "can't read", path, errno);
  return false;
}

// Makes sure that the buffer has `wanted` bytes from the reader's place, or fewer at the segment's end. NULL if they
// can't be read.
static const uint8_t *fill(struct journal_reader *reader, size_t wanted, size_t *available, char *reason) {
  uint64_t end = reader->start + reader->length;
  bool has_place = reader->place.offset >= reader->start && reader->place.offset <= end;
  size_t kept = has_place ? (size_t)(end - reader->place.offset) : 0;
  if (kept < wanted) {
    size_t capacity = wanted > CHUNK ? wanted : CHUNK;
    if (capacity > reader->capacity) {
      uint8_t *grown = realloc(reader->buffer, capacity);
      if (grown == NULL) {
        explain(reason, "can't read", reader->journal->folder, ENOMEM);
        return NULL;
      }
      reader->buffer = grown;
      reader->capacity = capacity;
    }
    if (kept > 0) memmove(reader->buffer, reader->buffer + (reader->place.offset - reader->start), kept);
    reader->start = reader->place.offset;
    reader->length = kept;
    while (reader->length < wanted) {
      ssize_t count = pread(
          reader->file, reader->buffer + reader->length, reader->capacity - reader->length,
          (off_t)(reader->start + reader->length));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        char path[PATH_MAX];
        path_of(reader->journal, reader->file_segment, path);
        explain(reason, "can't read", path, errno);
        return NULL;
      }
      if (count == 0) break;
      reader->length += (size_t)count;
    }
    kept = reader->length;
  }
  *available = kept;
  return reader->buffer + (reader->place.offset - reader->start);
}

// Skips bytes that aren't a record, up to what may be the next one.
static void skip(struct journal_reader *reader, const uint8_t *bytes, size_t available) {
  const uint8_t *next = available > 1 ? memmem(bytes + 1, available - 1, &magic, sizeof magic) : NULL;
  size_t length = next != NULL ? (size_t)(next - bytes) : available >= sizeof magic ? available - sizeof magic + 1 : available;
  reader->place.offset += length;
  reader->skipped += length;
}

enum journal_found journal_read(struct journal_reader *reader, struct journal_record *record, char *reason) {
  for (;;) {
    const struct segment *segment = segment_from(reader->journal, reader->place.segment);
    if (segment == NULL) return JOURNAL_END;
    if (segment->number != reader->place.segment) reader->place = (struct journal_place){segment->number, 0};
    if (reader->place.offset >= segment->size) {
      const struct segment *next = segment_from(reader->journal, segment->number + 1);
      if (next == NULL) return JOURNAL_END;
      reader->place = (struct journal_place){next->number, 0};
      continue;
    }
    if (!open_segment(reader, segment->number, reason)) return JOURNAL_UNREADABLE;
    size_t available = 0;
    const uint8_t *bytes = fill(reader, sizeof(struct header), &available, reason);
    if (bytes == NULL) return JOURNAL_UNREADABLE;
    if (available < sizeof(struct header)) {
      // A header that was cut off at the segment's end.
      reader->skipped += available;
      reader->place.offset = segment->size;
      continue;
    }
    struct header header;
    memcpy(&header, bytes, sizeof header);
    size_t length = sizeof header + header.size;
    if (header.magic != magic || header.header_sum != checksum(&header, offsetof(struct header, header_sum))
        || reader->place.offset + length > segment->size) {
      skip(reader, bytes, available);
      continue;
    }
    bytes = fill(reader, length, &available, reason);
    if (bytes == NULL) return JOURNAL_UNREADABLE;
    if (available < length || header.body_sum != checksum(bytes + sizeof header, header.size)) {
      skip(reader, bytes, available);
      continue;
    }
    record->place = reader->place;
    reader->place.offset += length;
    record->end = reader->place;
    record->kind = header.kind;
    record->body = bytes + sizeof header;
    record->size = header.size;
    return JOURNAL_RECORD;
  }
}
