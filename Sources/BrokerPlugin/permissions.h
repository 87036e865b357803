// Who may sign in to the broker, and as whom: a file compiled from the registry and the policies.
//
// Its first line is "trucksensor clients 2", its last "end<TAB>N" with the number of certificates. Between them, fields
// are separated by tabs:
//
//   reserved     PATTERN               client identifiers that only certificates in the state "cloud" may use
//   certificate  FINGERPRINT  STATE  USER
//                                      SHA-256 of the DER form; active, inactive, revoked or cloud; the user's name
//   connect      PATTERN               client identifiers that it may use
//   subscribe    PATTERN               topic filters that it may subscribe to
//   retain       PATTERN               topics on which it may publish retained messages
//   publish      FILTER                topics that it may publish to
//   deny         FILTER                topics that it may not publish to, whatever else allows it
//
// In a PATTERN, '*' stands for any characters and '?' for one; a FILTER is an MQTT topic filter. The lines after a certificate
// apply to that certificate. A certificate may occur several times, once for each of its things.

#ifndef TRUCKSENSOR_PERMISSIONS_H
#define TRUCKSENSOR_PERMISSIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { FINGERPRINT_LENGTH = 64 };

struct rule {
  char kind;  // the first letter of its word
  const char *pattern;
};

struct grant {
  const char *fingerprint;
  const char *state;
  const char *user;
  const struct rule *rules;
  size_t rule_count;
};

struct permissions {
  char *text;
  struct rule *rules;
  struct rule *reserved;
  size_t reserved_count;
  struct grant *grants;  // sorted by fingerprint
  size_t grant_count;
};

// Reads the file. NULL, and the reason in `error`, if it is missing, damaged or cut off.
struct permissions *permissions_read(const char *file, char *error, size_t size);

void permissions_free(struct permissions *permissions);

// The grant by which a certificate signs in with a client identifier; NULL, and the reason, if there is none.
const struct grant *permissions_find(
    const struct permissions *permissions, const char *fingerprint, const char *client, const char **reason);

// Whether one of the grant's patterns of a kind matches.
bool grant_matches(const struct grant *grant, char kind, const char *text);

// Whether the grant lets its client publish to a topic.
bool grant_publishes(const struct grant *grant, const char *topic);

#endif
