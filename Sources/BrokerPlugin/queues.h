// The messages that wait for the rules engine: a queue in the journal for each client that has asked for one.
//
// mosquitto keeps a session's messages in memory and saves them once a second: if it is killed, the last acknowledged messages
// are lost. So the messages of these clients don't go through its queues. Each is in the journal before its publisher gets the
// acknowledgement, numbered for each client, and is passed to the client from there, at most WINDOW messages ahead of what the
// client reports as done. After a restart, delivery continues after the last report.
//
// A client talks to its queue through the topic QUEUE_COMMANDS, in text:
//
//   open present|new SECONDS <newline> FILTER <newline> FILTER …
//                         after each sign-in: whether mosquitto had kept its session, how long the queue is kept without
//                         the client, and which messages the client gets
//   done EPOCH NUMBER     all messages up to this one are done
//
// Each of its messages has the user property QUEUE_STAMP: "EPOCH NUMBER ARRIVAL". The epoch is that of the broker's process that
// took the message, and grows with each process; the number counts the client's messages without gaps, from any first number; the
// arrival is in milliseconds since 1970. "open" is answered on the topic QUEUE_ANSWERS: "done NUMBER", the last known report.

// The file "status" in the journal's folder says in one sentence, ended by a NUL, why the journal can't be written or read at
// present; it is empty if it can.

#ifndef TRUCKSENSOR_QUEUES_H
#define TRUCKSENSOR_QUEUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mosquitto.h>
#include <mosquitto_broker.h>

#define QUEUE_COMMANDS "$CONTROL/trucksensor/queue/v1"
#define QUEUE_ANSWERS "$trucksensor/queue"
// The beginning of the topics of marks, which the rules engine sends to itself: they go through its queue, but don't count as
// waiting messages.
#define QUEUE_MARKS "$trucksensor/marks/"
#define QUEUE_STAMP "journal"

struct queues;
struct queue;

// Opens the journal in a folder, and logs what waits in it; NULL, and the reason (JOURNAL_REASON_SIZE bytes), if it can't
// be used. With `is_durable`, queues_tick makes it survive a power failure.
struct queues *queues_open(const char *folder, bool is_durable, char *reason);

// Logs what still waits.
void queues_close(struct queues *queues);

// Adds a message to the queues that take its topic. False, and the reason, if it can't be written to the journal; then it is in
// no queue.
bool queues_add(
    struct queues *queues, const char *topic, const void *payload, uint32_t size, const mosquitto_property *properties,
    char *reason);

// Executes a client's command. `may_get` says whether the client may subscribe to a filter.
void queues_command(
    struct queues *queues, const char *client, const void *connection, const char *text, size_t size,
    bool (*may_get)(void *closure, const char *filter), void *closure);

// A connection has ended.
void queues_disconnected(struct queues *queues, const void *connection);

// The queue of a client identifier; NULL if it has none.
const struct queue *queues_find(const struct queues *queues, const char *client);

// Whether the messages of a topic go into the queue.
bool queue_takes(const struct queue *queue, const char *topic);

// To be called once a turn of the broker's loop.
void queues_tick(struct queues *queues);

#endif
