// Publishes as fast as it can over mutual TLS and ends when all is sent and, at QoS 1, acknowledged: what libmosquitto itself can.
//   publish PORT QOS COUNT PAYLOAD    in a folder with data/ca and certs/
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// At QoS 0 the library sends within the call; this bounds what it may keep because the socket is full.
enum { window = 100 };

static int done;

static void published(struct mosquitto *client, void *data, int id) {
  (void)client, (void)data, (void)id;
  done++;
}

static int is_connected;

static void connected(struct mosquitto *client, void *data, int code) {
  (void)client, (void)data;
  is_connected = code == 0;
}

int main(int count, char **arguments) {
  if (count < 5) return 64;
  int qos = atoi(arguments[2]), total = atoi(arguments[3]), sent = 0;
  const char *payload = arguments[4];
  mosquitto_lib_init();
  struct mosquitto *client = mosquitto_new("truckSensor01", true, NULL);
  mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, window);
  mosquitto_tls_set(client, "data/ca/root-CA.crt", NULL, "certs/truckSensor01.cert.pem", "certs/truckSensor01.private.key", NULL);
  mosquitto_connect_callback_set(client, connected);
  mosquitto_publish_callback_set(client, published);
  if (mosquitto_connect(client, "127.0.0.1", atoi(arguments[1]), 60) != 0) return 69;
  int code = MOSQ_ERR_SUCCESS;
  while (code == MOSQ_ERR_SUCCESS && done < total) {
    while (is_connected && sent < total && sent - done < window) {
      if (mosquitto_publish(client, NULL, "truck/freezer", (int)strlen(payload), payload, qos, false) != 0) return 1;
      sent++;
    }
    code = mosquitto_loop(client, qos == 0 && sent < total ? 0 : 100, 1);
  }
  mosquitto_disconnect(client);
  while (mosquitto_loop(client, 100, 1) == MOSQ_ERR_SUCCESS) {}
  return done == total ? 0 : 1;
}
