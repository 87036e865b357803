#include "queues.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <mqtt_protocol.h>

#include <BrokerJournal.h>

#include "properties.h"

// How large the journal may grow, and how far ahead of its reports a client is fed: enough for one transaction of the store, in
// little memory. A window must fit into mosquitto's queue for a client that is away: `besideJournal` in
// Sources/MQTT/Broker/BrokerConfiguration.swift.
static const uint64_t journal_limit = 4ULL << 30, segment_limit = 8ULL << 20;
enum { QUEUE_LIMIT = 100, COMMAND_LIMIT = 1 << 16, WINDOW = 4096, WINDOW_BYTES = 32 << 20, STATUS_SIZE = 512 };
// Seconds between two records that a client is connected.
enum { SEEN_INTERVAL = 3600 };
// The bytes of a message's record besides the payload, and of a record about a queue that ends.
enum { ROOM_FOR_MORE = 1 << 18 };

enum kind { KIND_MESSAGE = 'm', KIND_QUEUE = 'q', KIND_DONE = 'd', KIND_GONE = 'g' };

enum { MARK_LIMIT = 256 };

// The number of the queue's last message in a segment.
struct mark {
  uint64_t segment;
  uint64_t last;
};

struct queue {
  uint32_t identifier;
  char *client;
  char **filters;
  size_t filter_count;
  uint64_t last;  // number of the last message in the journal
  uint64_t done;
  uint64_t fed;  // number of the last message given to the broker
  size_t fed_bytes;  // since all messages given before were done
  uint64_t first_of_epoch;
  int64_t seen;  // seconds since 1970
  uint32_t lifetime;  // seconds for which the queue is kept without its client
  bool is_open;
  const void *connection;
  struct journal_reader *reader;
  struct mark *marks;  // by segment, from the first with messages that aren't done
  size_t mark_count;
  size_t mark_capacity;
  uint64_t engine_marks[MARK_LIMIT];  // the numbers of the engine's last messages to itself
  size_t engine_mark_count;
};

struct queues {
  struct journal *journal;
  struct queue **list;
  size_t count;
  uint32_t last_identifier;
  uint64_t epoch;
  bool is_durable;
  bool has_failed;  // a failed write is reported once
  char *status;  // the mapped file "status"; NULL without one
  time_t review;
  struct bytes record;  // the record being written
};

static int64_t now_milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// MARK: Records

// Takes bytes from the front of a record; false if there aren't enough.
static bool take(const uint8_t **from, size_t *size, void *data, size_t wanted) {
  if (*size < wanted) return false;
  memcpy(data, *from, wanted);
  *from += wanted;
  *size -= wanted;
  return true;
}

struct message_head {
  uint64_t epoch;
  int64_t arrival;  // milliseconds since 1970
  uint32_t queue_count;
  uint32_t topic_size;  // with a NUL
  uint32_t properties_size;
  uint32_t payload_size;
};

struct message {
  struct message_head head;
  const uint8_t *numbers;  // for each queue, its identifier and the message's number in it
  const char *topic;
  const uint8_t *properties;
  const uint8_t *payload;
};

enum { NUMBER_SIZE = sizeof(uint32_t) + sizeof(uint64_t) };

static bool read_message(struct message *message, const uint8_t *body, size_t size) {
  struct message_head *head = &message->head;
  if (!take(&body, &size, head, sizeof *head)) return false;
  uint64_t wanted = (uint64_t)head->queue_count * NUMBER_SIZE + head->topic_size + (uint64_t)head->properties_size
      + head->payload_size;
  if (wanted != size || head->topic_size == 0) return false;
  message->numbers = body;
  message->topic = (const char *)body + (size_t)head->queue_count * NUMBER_SIZE;
  if (message->topic[head->topic_size - 1] != '\0') return false;
  message->properties = (const uint8_t *)message->topic + head->topic_size;
  message->payload = message->properties + head->properties_size;
  return true;
}

static void number_at(const struct message *message, uint32_t index, uint32_t *identifier, uint64_t *number) {
  const uint8_t *at = message->numbers + (size_t)index * NUMBER_SIZE;
  memcpy(identifier, at, sizeof *identifier);
  memcpy(number, at + sizeof *identifier, sizeof *number);
}

// The message's number in a queue; 0 if it isn't there.
static uint64_t number_in(const struct message *message, const struct queue *queue) {
  for (uint32_t i = 0; i < message->head.queue_count; i++) {
    uint32_t identifier = 0;
    uint64_t number = 0;
    number_at(message, i, &identifier, &number);
    if (identifier == queue->identifier) return number;
  }
  return 0;
}

static void add_text(struct bytes *bytes, const char *text) {
  uint32_t size = (uint32_t)strlen(text) + 1;
  bytes_add(bytes, &size, sizeof size);
  bytes_add(bytes, text, size);
}

static const char *take_text(const uint8_t **from, size_t *size) {
  uint32_t length = 0;
  if (!take(from, size, &length, sizeof length) || length == 0 || length > *size) return NULL;
  const char *text = (const char *)*from;
  if (text[length - 1] != '\0') return NULL;
  *from += length;
  *size -= length;
  return text;
}

static bool append(struct queues *queues, enum kind kind, struct journal_record *record, char *reason) {
  if (queues->record.has_failed) {
    queues->record.has_failed = false;
    snprintf(reason, JOURNAL_REASON_SIZE, "there isn't enough memory");
    return false;
  }
  return journal_append(
      queues->journal, (uint8_t)kind, queues->record.start, queues->record.size, record, reason);
}

static bool append_queue(struct queues *queues, const struct queue *queue, char *reason) {
  struct bytes *bytes = &queues->record;
  bytes->size = 0;
  uint32_t count = (uint32_t)queue->filter_count;
  bytes_add(bytes, &queue->identifier, sizeof queue->identifier);
  bytes_add(bytes, &queue->last, sizeof queue->last);
  bytes_add(bytes, &queue->done, sizeof queue->done);
  bytes_add(bytes, &queue->seen, sizeof queue->seen);
  bytes_add(bytes, &queue->lifetime, sizeof queue->lifetime);
  add_text(bytes, queue->client);
  bytes_add(bytes, &count, sizeof count);
  for (size_t i = 0; i < queue->filter_count; i++) add_text(bytes, queue->filters[i]);
  struct journal_record record;
  return append(queues, KIND_QUEUE, &record, reason);
}

static bool append_small(struct queues *queues, enum kind kind, const struct queue *queue, char *reason) {
  struct bytes *bytes = &queues->record;
  bytes->size = 0;
  bytes_add(bytes, &queue->identifier, sizeof queue->identifier);
  bytes_add(bytes, &queue->done, sizeof queue->done);
  struct journal_record record;
  return append(queues, kind, &record, reason);
}

static bool begin_segment(void *closure, char *reason) {
  struct queues *queues = closure;
  // The buffer may hold a message.
  struct bytes message = queues->record;
  queues->record = (struct bytes){0};
  bool is_good = true;
  for (size_t i = 0; i < queues->count && is_good; i++) is_good = append_queue(queues, queues->list[i], reason);
  free(queues->record.start);
  queues->record = message;
  return is_good;
}

// MARK: Queues

static void free_filters(struct queue *queue) {
  for (size_t i = 0; i < queue->filter_count; i++) free(queue->filters[i]);
  free(queue->filters);
  queue->filters = NULL;
  queue->filter_count = 0;
}

static void free_queue(struct queue *queue) {
  if (queue == NULL) return;
  free_filters(queue);
  journal_reader_free(queue->reader);
  free(queue->marks);
  free(queue->client);
  free(queue);
}

static bool add_filter(struct queue *queue, const char *filter) {
  char **grown = realloc(queue->filters, (queue->filter_count + 1) * sizeof *grown);
  if (grown == NULL) return false;
  queue->filters = grown;
  queue->filters[queue->filter_count] = strdup(filter);
  if (queue->filters[queue->filter_count] == NULL) return false;
  queue->filter_count++;
  return true;
}

static struct queue *new_queue(struct queues *queues, uint32_t identifier, const char *client) {
  struct queue *queue = calloc(1, sizeof *queue);
  struct queue **grown = realloc(queues->list, (queues->count + 1) * sizeof *grown);
  if (grown != NULL) queues->list = grown;
  if (queue != NULL) {
    queue->identifier = identifier;
    queue->client = strdup(client);
    queue->reader = journal_reader_new(queues->journal, journal_end(queues->journal));
  }
  if (queue == NULL || grown == NULL || queue->client == NULL || queue->reader == NULL) {
    free_queue(queue);
    return NULL;
  }
  if (identifier > queues->last_identifier) queues->last_identifier = identifier;
  return queues->list[queues->count++] = queue;
}

static struct queue *by_identifier(const struct queues *queues, uint32_t identifier) {
  for (size_t i = 0; i < queues->count; i++) {
    if (queues->list[i]->identifier == identifier) return queues->list[i];
  }
  return NULL;
}

static struct queue *by_client(const struct queues *queues, const char *client) {
  for (size_t i = 0; i < queues->count; i++) {
    if (strcmp(queues->list[i]->client, client) == 0) return queues->list[i];
  }
  return NULL;
}

const struct queue *queues_find(const struct queues *queues, const char *client) {
  return queues == NULL ? NULL : by_client(queues, client);
}

bool queue_takes(const struct queue *queue, const char *topic) {
  for (size_t i = 0; i < queue->filter_count; i++) {
    bool is_match = false;
    if (mosquitto_topic_matches_sub(queue->filters[i], topic, &is_match) == MOSQ_ERR_SUCCESS && is_match) return true;
  }
  return false;
}

// A full disk can't store a log line either, so the file is allocated and mapped before it is needed.
static void open_status(struct queues *queues, const char *folder) {
  char path[4096];
  snprintf(path, sizeof path, "%s/status", folder);
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  if (posix_fallocate(file, 0, STATUS_SIZE) == 0) {
    void *mapped = mmap(NULL, STATUS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) queues->status = mapped;
  }
  close(file);
  if (queues->status != NULL) memset(queues->status, 0, STATUS_SIZE);
}

static void fail(struct queues *queues, const char *what, const char *reason) {
  if (queues->has_failed) return;
  queues->has_failed = true;
  mosquitto_log_printf(MOSQ_LOG_ERR, "Error: %s: %s.", what, reason);
  if (queues->status != NULL) snprintf(queues->status, STATUS_SIZE, "%s: %s", what, reason);
}

static void recover(struct queues *queues) {
  if (!queues->has_failed) return;
  queues->has_failed = false;
  if (queues->status != NULL) memset(queues->status, 0, STATUS_SIZE);
}

// MARK: What waits

static void note_engine_mark(struct queue *queue, const char *topic, uint64_t number) {
  if (strncmp(topic, QUEUE_MARKS, sizeof QUEUE_MARKS - 1) != 0) return;
  queue->engine_marks[queue->engine_mark_count++ % MARK_LIMIT] = number;
}

static uint64_t waiting(const struct queue *queue) {
  uint64_t count = queue->last - queue->done;
  for (size_t i = 0; i < MARK_LIMIT && i < queue->engine_mark_count; i++) {
    if (count > 0 && queue->engine_marks[i] > queue->done && queue->engine_marks[i] <= queue->last) count--;
  }
  return count;
}

// MARK: Shortening

// Notes that the queue's last message in a segment has this number.
static void note(struct queue *queue, uint64_t segment, uint64_t number) {
  if (queue->mark_count > 0 && queue->marks[queue->mark_count - 1].segment == segment) {
    queue->marks[queue->mark_count - 1].last = number;
    return;
  }
  if (queue->mark_count == queue->mark_capacity) {
    size_t capacity = 2 * queue->mark_capacity + 4;
    struct mark *grown = realloc(queue->marks, capacity * sizeof *grown);
    // Without a mark, the journal would be shortened too much: the mark of the segment before stands in for it.
    if (grown == NULL) {
      if (queue->mark_count > 0) queue->marks[queue->mark_count - 1].last = number;
      return;
    }
    queue->marks = grown;
    queue->mark_capacity = capacity;
  }
  queue->marks[queue->mark_count++] = (struct mark){segment, number};
}

static void shorten(struct queues *queues) {
  uint64_t needed = journal_end(queues->journal).segment;
  for (size_t i = 0; i < queues->count; i++) {
    struct queue *queue = queues->list[i];
    size_t finished = 0;
    while (finished < queue->mark_count && queue->marks[finished].last <= queue->done) finished++;
    if (finished > 0) {
      queue->mark_count -= finished;
      memmove(queue->marks, queue->marks + finished, queue->mark_count * sizeof *queue->marks);
    }
    if (queue->mark_count > 0 && queue->marks[0].segment < needed) needed = queue->marks[0].segment;
  }
  journal_shorten(queues->journal, needed);
}

static void remove_queue(struct queues *queues, size_t index) {
  struct queue *queue = queues->list[index];
  char reason[JOURNAL_REASON_SIZE];
  mosquitto_log_printf(
      MOSQ_LOG_NOTICE, "Journal: the queue of %s ends, with %" PRIu64 " messages: the client has been away for %" PRId64
      " s.", queue->client, waiting(queue), now_milliseconds() / 1000 - queue->seen);
  append_small(queues, KIND_GONE, queue, reason);
  queues->list[index] = queues->list[--queues->count];
  free_queue(queue);
  shorten(queues);
}

// Makes room for a record if the journal has reached its limit: clients that are away, perhaps forever, must not keep messages
// from connected ones.
static void make_room(struct queues *queues, size_t size) {
  while (!journal_has_room(queues->journal, size)) {
    size_t oldest = queues->count;
    for (size_t i = 0; i < queues->count; i++) {
      const struct queue *queue = queues->list[i];
      if (queue->is_open || queue->mark_count == 0) continue;
      if (oldest == queues->count || queue->seen < queues->list[oldest]->seen) oldest = i;
    }
    if (oldest == queues->count) return;
    remove_queue(queues, oldest);
  }
}

// MARK: Feeding

// Gives the broker a message for the queue's client.
static bool deliver(struct queue *queue, const struct message *message, uint64_t number) {
  const struct message_head *head = &message->head;
  mosquitto_property *properties = NULL;
  if (!properties_decode(&properties, message->properties, head->properties_size)) return false;
  char stamp[80];
  snprintf(stamp, sizeof stamp, "%" PRIu64 " %" PRIu64 " %" PRId64, head->epoch, number, head->arrival);
  int code = mosquitto_property_add_string_pair(&properties, MQTT_PROP_USER_PROPERTY, QUEUE_STAMP, stamp);
  if (code == MOSQ_ERR_SUCCESS) {
    code = mosquitto_broker_publish_copy(
        queue->client, message->topic, (int)head->payload_size, message->payload, 1, false, properties);
  }
  if (code != MOSQ_ERR_SUCCESS) {
    mosquitto_property_free_all(&properties);
    return false;
  }
  queue->fed = number;
  queue->fed_bytes += head->payload_size;
  return true;
}

static bool has_room(const struct queue *queue) {
  uint64_t waiting = queue->fed - queue->done;
  return queue->is_open && waiting < WINDOW && (waiting == 0 || queue->fed_bytes < WINDOW_BYTES);
}

static void feed(struct queues *queues, struct queue *queue) {
  if (queue->fed == queue->done) queue->fed_bytes = 0;
  char reason[JOURNAL_REASON_SIZE];
  while (has_room(queue) && queue->fed < queue->last) {
    struct journal_record record;
    switch (journal_read(queue->reader, &record, reason)) {
      case JOURNAL_UNREADABLE: fail(queues, "the journal can't be read", reason); return;
      case JOURNAL_END:
        mosquitto_log_printf(
            MOSQ_LOG_ERR, "Journal: %" PRIu64 " messages for %s are damaged.", queue->last - queue->fed,
            queue->client);
        if (queue->done == queue->fed) queue->done = queue->last;
        queue->fed = queue->last;
        return;
      case JOURNAL_RECORD: break;
    }
    struct message message;
    if (record.kind != KIND_MESSAGE || !read_message(&message, record.body, record.size)) continue;
    uint64_t number = number_in(&message, queue);
    if (number <= queue->fed) continue;
    if (!deliver(queue, &message, number)) {
      journal_reader_move(queue->reader, record.place);
      return;
    }
  }
}

bool queues_add(
    struct queues *queues, const char *topic, const void *payload, uint32_t size, const mosquitto_property *properties,
    char *reason) {
  make_room(queues, size + ROOM_FOR_MORE);
  struct bytes *bytes = &queues->record;
  struct message_head head = {
      .epoch = queues->epoch, .topic_size = (uint32_t)strlen(topic) + 1, .payload_size = size};
  bytes->size = 0;
  bytes_add(bytes, &head, sizeof head);
  for (size_t i = 0; i < queues->count; i++) {
    const struct queue *queue = queues->list[i];
    if (!queue_takes(queue, topic)) continue;
    uint64_t number = queue->last + 1;
    bytes_add(bytes, &queue->identifier, sizeof queue->identifier);
    bytes_add(bytes, &number, sizeof number);
    head.queue_count++;
  }
  if (head.queue_count == 0) return true;
  bytes_add(bytes, topic, head.topic_size);
  size_t before = bytes->size;
  properties_encode(bytes, properties);
  head.properties_size = (uint32_t)(bytes->size - before);
  head.arrival = now_milliseconds();
  bytes_add(bytes, payload, size);
  if (!bytes->has_failed) memcpy(bytes->start, &head, sizeof head);
  struct journal_record record;
  if (!append(queues, KIND_MESSAGE, &record, reason)) {
    fail(queues, "messages for the rules are refused until the journal can be written", reason);
    return false;
  }
  recover(queues);
  struct message message;
  if (!read_message(&message, bytes->start, bytes->size)) return true;
  for (uint32_t i = 0; i < head.queue_count; i++) {
    uint32_t identifier = 0;
    uint64_t number = 0;
    number_at(&message, i, &identifier, &number);
    struct queue *queue = by_identifier(queues, identifier);
    if (queue == NULL) continue;
    bool is_next = queue->fed == queue->last;
    queue->last = number;
    note(queue, record.place.segment, number);
    note_engine_mark(queue, message.topic, number);
    // If the client has room for a message in memory, nothing has to be read.
    if (is_next && has_room(queue) && deliver(queue, &message, number)) {
      journal_reader_move(queue->reader, record.end);
    }
  }
  return true;
}

// MARK: Commands

static bool set_filters(
    struct queue *queue, char *lines, bool (*may_get)(void *, const char *), void *closure) {
  free_filters(queue);
  for (char *rest = NULL, *line = strtok_r(lines, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
    if (mosquitto_sub_topic_check(line) != MOSQ_ERR_SUCCESS || strncmp(line, "$share/", 7) == 0) continue;
    if (may_get(closure, line) && !add_filter(queue, line)) return false;
  }
  return true;
}

static void open_queue(
    struct queues *queues, const char *client, const void *connection, bool has_session, uint32_t lifetime, char *lines,
    bool (*may_get)(void *, const char *), void *closure) {
  char reason[JOURNAL_REASON_SIZE] = "there isn't enough memory";
  struct queue *queue = by_client(queues, client);
  bool is_new = queue == NULL;
  if (is_new && queues->count < QUEUE_LIMIT) queue = new_queue(queues, queues->last_identifier + 1, client);
  if (queue == NULL) {
    fail(queues, "can't open a queue for a client", queues->count < QUEUE_LIMIT ? reason : "there are too many queues");
    return;
  }
  // Its client may have had another queue before, and would take lower numbers for messages that it already has.
  if (is_new) {
    queue->last = queue->done = queue->fed = (uint64_t)now_milliseconds() * 1000;
    queue->first_of_epoch = queue->last + 1;
  }
  queue->lifetime = lifetime;
  queue->seen = now_milliseconds() / 1000;
  if (!set_filters(queue, lines, may_get, closure) || !append_queue(queues, queue, reason)) {
    fail(queues, "a client's queue can't be recorded in the journal", reason);
    // A new queue that isn't recorded would take messages and lose them in a crash: the broker's own queue is better.
    if (is_new) {
      queues->count--;
      free_queue(queue);
      return;
    }
  }
  // In a new session the broker has no messages for the client; nor has a broker that was started since.
  if (!has_session || queue->fed < queue->done) {
    queue->fed = queue->done;
    journal_reader_move(queue->reader, journal_begin(queues->journal));
  }
  queue->is_open = true;
  queue->connection = connection;
  char answer[40];
  int length = snprintf(answer, sizeof answer, "done %" PRIu64, queue->done);
  mosquitto_broker_publish_copy(client, QUEUE_ANSWERS, length, answer, 0, false, NULL);
  feed(queues, queue);
}

static void report_done(struct queues *queues, struct queue *queue, uint64_t epoch, uint64_t number) {
  // A number of an earlier epoch may have been used again if the end of that epoch's journal was lost.
  if (epoch != queues->epoch && number >= queue->first_of_epoch) number = queue->first_of_epoch - 1;
  if (number > queue->last) number = queue->last;
  if (number <= queue->done) return;
  queue->done = number;
  if (queue->fed < number) queue->fed = number;
  char reason[JOURNAL_REASON_SIZE];
  // Without this record, more messages would be repeated after a crash, but none would be lost.
  append_small(queues, KIND_DONE, queue, reason);
  shorten(queues);
  feed(queues, queue);
}

void queues_command(
    struct queues *queues, const char *client, const void *connection, const char *text, size_t size,
    bool (*may_get)(void *, const char *), void *closure) {
  if (size > COMMAND_LIMIT) return;
  char *command = strndup(text, size);
  if (command == NULL) return;
  char *lines = strchr(command, '\n'), state[8] = "";
  if (lines != NULL) *lines++ = '\0';
  uint32_t lifetime = 0;
  uint64_t epoch = 0, number = 0;
  struct queue *queue = by_client(queues, client);
  if (lines != NULL && sscanf(command, "open %7s %" SCNu32, state, &lifetime) == 2) {
    open_queue(
        queues, client, connection, strcmp(state, "present") == 0, lifetime, lines, may_get, closure);
  } else if (queue != NULL && sscanf(command, "done %" SCNu64 " %" SCNu64, &epoch, &number) == 2) {
    report_done(queues, queue, epoch, number);
  }
  free(command);
}

void queues_disconnected(struct queues *queues, const void *connection) {
  if (queues == NULL) return;
  for (size_t i = 0; i < queues->count; i++) {
    struct queue *queue = queues->list[i];
    if (!queue->is_open || queue->connection != connection) continue;
    queue->is_open = false;
    queue->seen = now_milliseconds() / 1000;
  }
}

void queues_tick(struct queues *queues) {
  if (queues == NULL) return;
  char reason[JOURNAL_REASON_SIZE];
  if (queues->is_durable && !journal_sync(queues->journal, reason)) fail(queues, "the journal can't be made durable", reason);
  time_t now = time(NULL);
  if (now == queues->review) return;
  queues->review = now;
  for (size_t i = queues->count; i-- > 0;) {
    struct queue *queue = queues->list[i];
    // Memory or disk space that was missing may be available again.
    feed(queues, queue);
    if (queue->is_open && now - queue->seen > SEEN_INTERVAL) {
      // After a crash, it must not look as if the client had been away for long.
      queue->seen = now;
      append_queue(queues, queue, reason);
    }
    if (!queue->is_open && now - queue->seen > (time_t)queue->lifetime) remove_queue(queues, i);
  }
}

// MARK: The journal

static void recall_message(struct queues *queues, const struct journal_record *record) {
  struct message message;
  if (!read_message(&message, record->body, record->size)) return;
  if (message.head.epoch >= queues->epoch) queues->epoch = message.head.epoch + 1;
  for (uint32_t i = 0; i < message.head.queue_count; i++) {
    uint32_t identifier = 0;
    uint64_t number = 0;
    number_at(&message, i, &identifier, &number);
    struct queue *queue = by_identifier(queues, identifier);
    if (queue == NULL || number <= queue->last) {
      // The message is known from the segment's beginning, but its segment isn't.
      if (queue != NULL && number > queue->done) {
        note(queue, record->place.segment, number);
        note_engine_mark(queue, message.topic, number);
      }
      continue;
    }
    queue->last = number;
    note(queue, record->place.segment, number);
    note_engine_mark(queue, message.topic, number);
  }
}

static void recall_queue(struct queues *queues, const struct journal_record *record) {
  const uint8_t *body = record->body;
  size_t size = record->size;
  uint32_t identifier = 0, lifetime = 0, count = 0;
  uint64_t last = 0, done = 0;
  int64_t seen = 0;
  if (!take(&body, &size, &identifier, sizeof identifier) || !take(&body, &size, &last, sizeof last)
      || !take(&body, &size, &done, sizeof done) || !take(&body, &size, &seen, sizeof seen)
      || !take(&body, &size, &lifetime, sizeof lifetime)) {
    return;
  }
  const char *client = take_text(&body, &size);
  if (client == NULL || !take(&body, &size, &count, sizeof count)) return;
  struct queue *queue = by_identifier(queues, identifier);
  if (queue == NULL && queues->count < QUEUE_LIMIT) queue = new_queue(queues, identifier, client);
  if (queue == NULL) return;
  if (last > queue->last) queue->last = last;
  if (done > queue->done) queue->done = done;
  queue->seen = seen;
  queue->lifetime = lifetime;
  free_filters(queue);
  for (uint32_t i = 0; i < count; i++) {
    const char *filter = take_text(&body, &size);
    if (filter == NULL || !add_filter(queue, filter)) return;
  }
}

static void recall_small(struct queues *queues, const struct journal_record *record) {
  const uint8_t *body = record->body;
  size_t size = record->size;
  uint32_t identifier = 0;
  uint64_t done = 0;
  if (!take(&body, &size, &identifier, sizeof identifier) || !take(&body, &size, &done, sizeof done)) return;
  for (size_t i = 0; i < queues->count; i++) {
    struct queue *queue = queues->list[i];
    if (queue->identifier != identifier) continue;
    if (record->kind == KIND_DONE) {
      if (done > queue->done) queue->done = done;
    } else {
      queues->list[i] = queues->list[--queues->count];
      free_queue(queue);
    }
    return;
  }
}

static bool recall(struct queues *queues, char *reason) {
  struct journal_reader *reader = journal_reader_new(queues->journal, journal_begin(queues->journal));
  if (reader == NULL) {
    snprintf(reason, JOURNAL_REASON_SIZE, "there isn't enough memory");
    return false;
  }
  enum journal_found found;
  struct journal_record record;
  while ((found = journal_read(reader, &record, reason)) == JOURNAL_RECORD) {
    switch (record.kind) {
      case KIND_MESSAGE: recall_message(queues, &record); break;
      case KIND_QUEUE: recall_queue(queues, &record); break;
      case KIND_DONE:
      case KIND_GONE: recall_small(queues, &record); break;
      default: break;
    }
  }
  uint64_t skipped = journal_reader_skipped(reader);
  journal_reader_free(reader);
  if (found == JOURNAL_UNREADABLE) return false;
  if (skipped > 0) {
    mosquitto_log_printf(MOSQ_LOG_WARNING, "Journal: %" PRIu64 " damaged bytes were skipped.", skipped);
  }
  return true;
}

static void log_waiting(const struct queues *queues) {
  for (size_t i = 0; i < queues->count; i++) {
    const struct queue *queue = queues->list[i];
    mosquitto_log_printf(
        MOSQ_LOG_NOTICE, "Journal: %" PRIu64 " messages wait for %s.", waiting(queue), queue->client);
  }
}

struct queues *queues_open(const char *folder, bool is_durable, char *reason) {
  struct queues *queues = calloc(1, sizeof *queues);
  if (queues == NULL) {
    snprintf(reason, JOURNAL_REASON_SIZE, "there isn't enough memory");
    return NULL;
  }
  queues->is_durable = is_durable;
  queues->epoch = (uint64_t)now_milliseconds();
  queues->journal = journal_open(folder, journal_limit, segment_limit, is_durable, reason);
  if (queues->journal == NULL || !recall(queues, reason)) {
    journal_close(queues->journal);
    free(queues);
    return NULL;
  }
  for (size_t i = 0; i < queues->count; i++) {
    struct queue *queue = queues->list[i];
    // The end of the journal was lost, and with it messages that are done.
    if (queue->done > queue->last) queue->last = queue->done;
    queue->fed = queue->done;
    queue->first_of_epoch = queue->last + 1;
    journal_reader_move(queue->reader, journal_begin(queues->journal));
  }
  journal_on_segment(queues->journal, begin_segment, queues);
  open_status(queues, folder);
  log_waiting(queues);
  return queues;
}

void queues_close(struct queues *queues) {
  if (queues == NULL) return;
  char reason[JOURNAL_REASON_SIZE];
  if (queues->is_durable) journal_sync(queues->journal, reason);
  log_waiting(queues);
  for (size_t i = 0; i < queues->count; i++) free_queue(queues->list[i]);
  journal_close(queues->journal);
  if (queues->status != NULL) munmap(queues->status, STATUS_SIZE);
  free(queues->record.start);
  free(queues->list);
  free(queues);
}
