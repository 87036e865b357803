// Counts what arrives on truck/freezer, for all publishers alike, and prints the count and the seconds from the first to the last message.
//   count PORT QOS COUNT BYTES    in a folder with data/ca and certs/; ends with COUNT messages, or 10 s after the last one;
//                                 exits with 1 if a payload doesn't have BYTES (0: any)
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int received, wrong, qos, bytes;
static double first, last;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void connected(struct mosquitto *client, void *data, int code) {
  (void)data;
  if (code == 0) mosquitto_subscribe(client, NULL, "truck/freezer", qos);
}

static void subscribed(struct mosquitto *client, void *data, int id, int count, const int *granted) {
  (void)client, (void)data, (void)id, (void)count, (void)granted;
  fprintf(stderr, "ready\n");
}

static void arrived(struct mosquitto *client, void *data, const struct mosquitto_message *message) {
  (void)client, (void)data;
  last = now();
  if (received++ == 0) first = last;
  if (bytes != 0 && message->payloadlen != bytes) wrong++;
}

int main(int count, char **arguments) {
  if (count < 5) return 64;
  qos = atoi(arguments[2]);
  int total = atoi(arguments[3]);
  bytes = atoi(arguments[4]);
  mosquitto_lib_init();
  struct mosquitto *client = mosquitto_new("mqttTestClient", true, NULL);
  mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_tls_set(client, "data/ca/root-CA.crt", NULL, "certs/mqttTestClient.cert.pem", "certs/mqttTestClient.private.key", NULL);
  mosquitto_connect_callback_set(client, connected);
  mosquitto_subscribe_callback_set(client, subscribed);
  mosquitto_message_callback_set(client, arrived);
  if (mosquitto_connect(client, "127.0.0.1", atoi(arguments[1]), 60) != 0) return 69;
  int code = MOSQ_ERR_SUCCESS;
  while (code == MOSQ_ERR_SUCCESS && received < total && (received == 0 || now() - last < 10)) code = mosquitto_loop(client, 1000, 1);
  printf("%d %.6f\n", received, last - first);
  return code != MOSQ_ERR_SUCCESS ? 69 : wrong == 0 ? 0 : 1;
}
