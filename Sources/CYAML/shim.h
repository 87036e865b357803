#ifndef TRUCKSENSOR_CYAML_SHIM_H
#define TRUCKSENSOR_CYAML_SHIM_H

#include <stddef.h>
#include <yaml.h>

// Swift reads the members of an event's union one struct at a time; these say which one is meant by the event's type.

static inline const char *ts_yaml_anchor(const yaml_event_t *event) {
  switch (event->type) {
    case YAML_ALIAS_EVENT: return (const char *)event->data.alias.anchor;
    case YAML_SCALAR_EVENT: return (const char *)event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT: return (const char *)event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT: return (const char *)event->data.mapping_start.anchor;
    default: return NULL;
  }
}

static inline const char *ts_yaml_tag(const yaml_event_t *event) {
  switch (event->type) {
    case YAML_SCALAR_EVENT: return (const char *)event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT: return (const char *)event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT: return (const char *)event->data.mapping_start.tag;
    default: return NULL;
  }
}

static inline int ts_yaml_is_plain(const yaml_event_t *event) {
  return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

// A scalar may contain zero bytes, so that its length counts.
static inline const unsigned char *ts_yaml_scalar(const yaml_event_t *event, size_t *length) {
  *length = event->data.scalar.length;
  return event->data.scalar.value;
}

#endif
