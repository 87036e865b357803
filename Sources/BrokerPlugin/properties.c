#include "properties.h"

#include <stdlib.h>
#include <string.h>

#include <mqtt_protocol.h>

void bytes_add(struct bytes *bytes, const void *data, size_t size) {
  if (bytes->has_failed) return;
  if (bytes->size + size > bytes->capacity) {
    size_t capacity = 2 * (bytes->size + size);
    uint8_t *grown = realloc(bytes->start, capacity);
    if (grown == NULL) {
      bytes->has_failed = true;
      return;
    }
    bytes->start = grown;
    bytes->capacity = capacity;
  }
  if (size > 0) memcpy(bytes->start + bytes->size, data, size);
  bytes->size += size;
}

// The content of a property of any kind.
struct property {
  int kind;
  uint8_t byte;
  char *text;
  char *second;
  void *data;
  uint16_t size;
};

static void property_free(struct property *property) {
  free(property->text);
  free(property->second);
  free(property->data);
}

// Reads the first property; false if there isn't enough memory.
static bool property_read(struct property *property, const mosquitto_property *list) {
  *property = (struct property){.kind = mosquitto_property_identifier(list)};
  switch (property->kind) {
    case MQTT_PROP_PAYLOAD_FORMAT_INDICATOR:
      return mosquitto_property_read_byte(list, property->kind, &property->byte, false) != NULL;
    case MQTT_PROP_CONTENT_TYPE:
    case MQTT_PROP_RESPONSE_TOPIC:
      return mosquitto_property_read_string(list, property->kind, &property->text, false) != NULL;
    case MQTT_PROP_CORRELATION_DATA:
      return mosquitto_property_read_binary(list, property->kind, &property->data, &property->size, false) != NULL;
    case MQTT_PROP_USER_PROPERTY:
      return mosquitto_property_read_string_pair(list, property->kind, &property->text, &property->second, false)
          != NULL;
    default: return true;  // mosquitto keeps no others with a message
  }
}

static int property_add(mosquitto_property **list, const struct property *property) {
  switch (property->kind) {
    case MQTT_PROP_PAYLOAD_FORMAT_INDICATOR:
      return mosquitto_property_add_byte(list, property->kind, property->byte);
    case MQTT_PROP_CONTENT_TYPE:
    case MQTT_PROP_RESPONSE_TOPIC: return mosquitto_property_add_string(list, property->kind, property->text);
    case MQTT_PROP_CORRELATION_DATA:
      return mosquitto_property_add_binary(list, property->kind, property->data, property->size);
    case MQTT_PROP_USER_PROPERTY:
      return mosquitto_property_add_string_pair(list, property->kind, property->text, property->second);
    default: return MOSQ_ERR_SUCCESS;
  }
}

int properties_copy_first(
    mosquitto_property **copy, const mosquitto_property *properties, const char *const without[]) {
  struct property property;
  int code = property_read(&property, properties) ? MOSQ_ERR_SUCCESS : MOSQ_ERR_NOMEM;
  bool is_wanted = true;
  if (code == MOSQ_ERR_SUCCESS && property.kind == MQTT_PROP_USER_PROPERTY) {
    for (; *without != NULL; without++) is_wanted = is_wanted && strcmp(property.text, *without) != 0;
  }
  if (code == MOSQ_ERR_SUCCESS && is_wanted) code = property_add(copy, &property);
  property_free(&property);
  return code;
}

// Appends a kind, a byte and three parts, each with its size; texts end with a NUL.
static void encode(struct bytes *bytes, const struct property *property) {
  uint8_t head[] = {(uint8_t)property->kind, property->byte};
  bytes_add(bytes, head, sizeof head);
  const void *parts[] = {property->text, property->second, property->data};
  for (int i = 0; i < 3; i++) {
    uint32_t size = i == 2 ? property->size : parts[i] == NULL ? 0 : (uint32_t)strlen(parts[i]) + 1;
    bytes_add(bytes, &size, sizeof size);
    bytes_add(bytes, parts[i], size);
  }
}

void properties_encode(struct bytes *bytes, const mosquitto_property *properties) {
  for (; properties != NULL; properties = mosquitto_property_next(properties)) {
    struct property property;
    if (property_read(&property, properties)) encode(bytes, &property); else bytes->has_failed = true;
    property_free(&property);
  }
}

// Takes one property from the front of the data; false if it is damaged.
static bool decode(struct property *property, const uint8_t **data, size_t *size) {
  if (*size < 2) return false;
  *property = (struct property){.kind = (*data)[0], .byte = (*data)[1]};
  *data += 2;
  *size -= 2;
  char **texts[] = {&property->text, &property->second};
  for (int i = 0; i < 3; i++) {
    uint32_t length = 0;
    if (*size < sizeof length) return false;
    memcpy(&length, *data, sizeof length);
    *data += sizeof length;
    *size -= sizeof length;
    if (length > *size || length > UINT16_MAX + 1) return false;
    if (i < 2 && length > 0) {
      if ((*data)[length - 1] != '\0') return false;
      *texts[i] = (char *)*data;
    } else if (i == 2) {
      property->data = (void *)*data;
      property->size = (uint16_t)length;
    }
    *data += length;
    *size -= length;
  }
  return true;
}

bool properties_decode(mosquitto_property **properties, const uint8_t *data, size_t size) {
  struct property property;
  while (size > 0) {
    if (decode(&property, &data, &size) && property_add(properties, &property) == MOSQ_ERR_SUCCESS) continue;
    mosquitto_property_free_all(properties);
    return false;
  }
  return true;
}
