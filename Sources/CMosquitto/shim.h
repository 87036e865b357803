#ifndef CMOSQUITTO_SHIM_H
#define CMOSQUITTO_SHIM_H

#include <mosquitto.h>
#include <mqtt_protocol.h>

// The CONNECT properties for connections that are opened without blocking: only the blocking call takes
// properties, but it stores them before it looks at the host, and mosquitto_connect_async uses what is stored.
// Returns MOSQ_ERR_INVAL for the missing host when the properties were taken.
static inline int ts_mosquitto_set_connect_properties(struct mosquitto *client,
                                                      const mosquitto_property *properties) {
  return mosquitto_connect_bind_v5(client, NULL, 0, 60, NULL, properties);
}

#endif
