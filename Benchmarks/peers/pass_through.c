// Passes what comes on truck/freezer on to truck/analyze and does nothing else: what libmosquitto itself can.
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>

static void connected(struct mosquitto *client, void *data, int code) {
  (void)data;
  if (code == 0) mosquitto_subscribe(client, NULL, "truck/freezer", 1);
}

static void subscribed(struct mosquitto *client, void *data, int id, int count, const int *granted) {
  (void)client, (void)data, (void)id, (void)count, (void)granted;
  fprintf(stderr, "ready\n");
}

static void received(struct mosquitto *client, void *data, const struct mosquitto_message *message) {
  (void)data;
  mosquitto_publish(client, NULL, "truck/analyze", message->payloadlen, message->payload, 1, false);
}

int main(int count, char **arguments) {
  if (count < 2) return 64;
  mosquitto_lib_init();
  struct mosquitto *client = mosquitto_new("passThrough", true, NULL);
  mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_tls_set(client, "data/ca/root-CA.crt", NULL, "certs/mqttTestClient.cert.pem",
                    "certs/mqttTestClient.private.key", NULL);
  mosquitto_connect_callback_set(client, connected);
  mosquitto_subscribe_callback_set(client, subscribed);
  mosquitto_message_callback_set(client, received);
  if (mosquitto_connect(client, "127.0.0.1", atoi(arguments[1]), 60) != 0) return 69;
  return mosquitto_loop_forever(client, -1, 1);
}
