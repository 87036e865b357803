// The limit at QoS 0: 64 PUBLISH packets in each TLS record, made once, without any client around them.
//   raw_writer PORT COUNT PAYLOAD    in a folder with data/ca and certs/
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { packets = 64 };

int main(int count, char **arguments) {
  if (count < 4) return 64;
  int total = atoi(arguments[2]);
  const char *payload = arguments[3];
  size_t length = strlen(payload);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(connection, (struct sockaddr *)&address, sizeof address) != 0) return 69;
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_load_verify_locations(context, "data/ca/root-CA.crt", NULL);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  SSL_CTX_use_certificate_file(context, "certs/truckSensor01.cert.pem", SSL_FILETYPE_PEM);
  SSL_CTX_use_PrivateKey_file(context, "certs/truckSensor01.private.key", SSL_FILETYPE_PEM);
  SSL *tls = SSL_new(context);
  SSL_set_fd(tls, connection);
  if (SSL_connect(tls) != 1) return 77;
  static const unsigned char hello[] = "\x10\x19\x00\x04MQTT\x04\x02\x00\x3c\x00\x0dtruckSensor01";
  unsigned char answer[4];
  SSL_write(tls, hello, sizeof hello - 1);
  if (SSL_read(tls, answer, 4) != 4 || answer[3] != 0) return 77;
  static const char topic[] = "truck/freezer";
  size_t rest = 2 + sizeof topic - 1 + length, size = rest + (rest < 128 ? 2 : 3);
  unsigned char *block = malloc(packets * size);
  for (int n = 0; n < packets; n++) {
    unsigned char *at = block + (size_t)n * size;
    *at++ = 0x30;
    if (rest < 128) {
      *at++ = (unsigned char)rest;
    } else {
      *at++ = (unsigned char)(rest % 128 | 128);
      *at++ = (unsigned char)(rest / 128);
    }
    *at++ = 0;
    *at++ = sizeof topic - 1;
    memcpy(at, topic, sizeof topic - 1);
    memcpy(at + sizeof topic - 1, payload, length);
  }
  for (int sent = 0; sent < total; sent += packets) {
    int some = total - sent < packets ? total - sent : packets;
    if (SSL_write(tls, block, (int)((size_t)some * size)) <= 0) return 69;
  }
  SSL_write(tls, "\xe0\x00", 2);
  SSL_shutdown(tls);
  close(connection);
  return 0;
}
