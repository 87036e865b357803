// Passes what comes on truck/freezer on to truck/analyze at QoS 1 and does nothing else: what libmosquitto itself can.
//   pass_through PORT    in a folder with data/ca and certs/; ends on SIGTERM
#include <mosquitto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t is_ending;

static void end(int number) {
  (void)number;
  is_ending = 1;
}

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
  signal(SIGTERM, end);
  mosquitto_lib_init();
  struct mosquitto *client = mosquitto_new("passThrough", true, NULL);
  mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  // The same window as the rules engine's; with the library's 20 its messages would wait in its own queue.
  mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, 100);
  mosquitto_tls_set(client, "data/ca/root-CA.crt", NULL, "certs/mqttTestClient.cert.pem",
                    "certs/mqttTestClient.private.key", NULL);
  mosquitto_connect_callback_set(client, connected);
  mosquitto_subscribe_callback_set(client, subscribed);
  mosquitto_message_callback_set(client, received);
  if (mosquitto_connect(client, "127.0.0.1", atoi(arguments[1]), 60) != 0) return 69;
  int code = MOSQ_ERR_SUCCESS;
  while (!is_ending && code == MOSQ_ERR_SUCCESS) code = mosquitto_loop(client, 100, 1);
  mosquitto_destroy(client);
  mosquitto_lib_cleanup();
  if (code != MOSQ_ERR_SUCCESS) fprintf(stderr, "pass_through: %s\n", mosquitto_strerror(code));
  return code == MOSQ_ERR_SUCCESS ? 0 : 69;
}
