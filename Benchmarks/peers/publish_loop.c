// Publishes the truck's payload as fast as it is acknowledged (QoS 0: written) and prints messages per second: what libmosquitto
// itself can with a loop of one's own.
//   publish_loop PORT COUNT QOS [TOPIC]    in a folder with data/ca and certs/, as mqttTestClient
#include <errno.h>
#include <mosquitto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WINDOW = 100 };
static int is_connected;
static long done;

static void connected(struct mosquitto *client, void *data, int code) {
  (void)client, (void)data;
  is_connected = code == 0;
}

static void published(struct mosquitto *client, void *data, int id) {
  (void)client, (void)data, (void)id;
  done++;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
  if (count < 4) return 64;
  long wanted = atol(arguments[2]);
  int qos = atoi(arguments[3]);
  const char *topic = count > 4 ? arguments[4] : "bench/publish";
  mosquitto_lib_init();
  struct mosquitto *client = mosquitto_new("mqttTestClient-c", true, NULL);
  mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, WINDOW);
  mosquitto_tls_set(client, "data/ca/root-CA.crt", NULL, "certs/mqttTestClient.cert.pem",
                    "certs/mqttTestClient.private.key", NULL);
  mosquitto_connect_callback_set(client, connected);
  mosquitto_publish_callback_set(client, published);
  if (mosquitto_connect(client, "127.0.0.1", atoi(arguments[1]), 60) != 0) return 69;
  while (!is_connected)
    if (mosquitto_loop(client, 100, 1) != MOSQ_ERR_SUCCESS) return 69;
  double begin = now();
  long sent = 0;
  while (done < wanted) {
    while (sent < wanted && sent - done < WINDOW) {
      char payload[256];
      sent++;
      int length = snprintf(payload, sizeof payload,
                            "{\"uptime\":\"1\",\"volts\":\"12.11\",\"temp\":\"21.90\",\"door\":\"0\",\"i\":\"1\",\"n\":\"%ld\",\"timestamp\":%.6f}",
                            sent, 1729703643.0 + sent);
      if (mosquitto_publish(client, NULL, topic, length, payload, qos, false) != MOSQ_ERR_SUCCESS) return 1;
    }
    struct pollfd entry = {.fd = mosquitto_socket(client), .events = POLLIN};
    if (mosquitto_want_write(client)) entry.events |= POLLOUT;
    if (poll(&entry, 1, 1000) < 0 && errno != EINTR) return 1;
    int code = MOSQ_ERR_SUCCESS;
    if (entry.revents & POLLIN) code = mosquitto_loop_read(client, WINDOW);
    if (code == MOSQ_ERR_SUCCESS && entry.revents & POLLOUT) code = mosquitto_loop_write(client, 1);
    if (code != MOSQ_ERR_SUCCESS) {
      fprintf(stderr, "publish: %s\n", mosquitto_strerror(code));
      return 69;
    }
  }
  printf("%.0f\n", wanted / (now() - begin));
  mosquitto_disconnect(client);
  mosquitto_destroy(client);
  return 0;
}
