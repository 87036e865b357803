// The properties that a message keeps in the journal and on its way to the receivers.

#ifndef TRUCKSENSOR_PROPERTIES_H
#define TRUCKSENSOR_PROPERTIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mosquitto.h>
#include <mosquitto_broker.h>

// A growing buffer. After a failed allocation, nothing more is added.
struct bytes {
  uint8_t *start;
  size_t size;
  size_t capacity;
  bool has_failed;
};

void bytes_add(struct bytes *bytes, const void *data, size_t size);

// Appends the properties that mosquitto keeps with a message.
void properties_encode(struct bytes *bytes, const mosquitto_property *properties);

// Reads the properties that `properties_encode` has appended; false, and no properties, if they are damaged or there isn't enough
// memory.
bool properties_decode(mosquitto_property **properties, const uint8_t *data, size_t size);

// Appends a copy of the first of `properties`, unless it is a user property with one of the names in `without`, which NULL ends.
// Returns one of mosquitto's codes.
int properties_copy_first(
    mosquitto_property **copy, const mosquitto_property *properties, const char *const without[]);

#endif
