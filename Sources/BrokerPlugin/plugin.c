// A plugin of the local mosquitto that decides by certificate and policy, as AWS IoT Core does: who signs in with which
// client identifier, what a client may publish and subscribe to, and which client a message comes from.
//
// plugin_opt_clients_file names the permissions; see permissions.h. They are read again when the broker is told to
// reload; a damaged file leaves the last good one in force. What a client may receive stays with the access list.

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <mqtt_protocol.h>
#include <openssl/x509.h>

#include "permissions.h"

// AWS IoT Core's limit (AWS General Reference, "AWS IoT Core message broker limits").
enum { CLIENT_IDENTIFIER_LIMIT = 128 };

static const char client_property[] = "clientId", principal_property[] = "principal";

// A connection that has signed in. It is kept after its end, for the last will that the broker may send later; the next
// connection at the same address takes its place.
struct session {
  const struct mosquitto *client;
  char *identifier;
  char fingerprint[FINGERPRINT_LENGTH + 1];
  const struct grant *grant;  // NULL once it may do nothing any more
  bool has_ended;
  bool must_leave;
};

static mosquitto_plugin_id_t *plugin;
static char *file_name;
static struct permissions *permissions;
static void *sessions;  // a tree of <search.h>, by the client's address
static struct session *latest;
static bool is_reloading;
static bool someone_must_leave;
// Whether a publish has been allowed and not stamped yet: a delivery in between is that of a last will, which passes no
// plugin when the broker itself ends.
static bool is_unstamped;

// MARK: Sessions

static int by_client(const void *left, const void *right) {
  const struct session *first = left, *second = right;
  return (first->client > second->client) - (first->client < second->client);
}

static struct session *session_of(const struct mosquitto *client) {
  if (latest != NULL && latest->client == client) return latest;
  const struct session key = {.client = client};
  struct session **found = tfind(&key, &sessions, by_client);
  if (found == NULL) return NULL;
  return latest = *found;
}

static struct session *new_session(const struct mosquitto *client, const char *identifier) {
  char *copy = strdup(identifier);
  if (copy == NULL) return NULL;
  struct session *session = session_of(client);
  if (session == NULL) {
    session = calloc(1, sizeof *session);
    if (session != NULL) session->client = client;
    if (session == NULL || tsearch(session, &sessions, by_client) == NULL) {
      free(session);
      free(copy);
      return NULL;
    }
  }
  free(session->identifier);
  session->identifier = copy;
  session->has_ended = session->must_leave = false;
  return session;
}

static void free_session(void *node) {
  struct session *session = node;
  free(session->identifier);
  free(session);
}

// A connection whose client identifier another one signs in with now. mosquitto may send its last will before it says
// that the connection has ended.
static void displace(const void *node, VISIT visit, void *closure) {
  struct session *session = *(struct session *const *)node;
  const struct session *next = closure;
  if (visit != postorder && visit != leaf) return;
  if (session != next && strcmp(session->identifier, next->identifier) == 0) session->has_ended = true;
}

static void review(const void *node, VISIT visit, void *closure) {
  struct session *session = *(struct session *const *)node;
  const char *reason = "its name has changed";
  if (visit != postorder && visit != leaf) return;
  const struct grant *grant = permissions_find(closure, session->fingerprint, session->identifier, &reason);
  bool stays = grant != NULL && session->grant != NULL && strcmp(grant->user, session->grant->user) == 0;
  session->grant = stays ? grant : NULL;
  if (stays || session->has_ended) return;
  session->must_leave = someone_must_leave = true;
  mosquitto_log_printf(MOSQ_LOG_NOTICE, "Disconnecting client %s: %s.", session->identifier, reason);
}

static void dismiss(const void *node, VISIT visit, void *closure) {
  (void)closure;
  struct session *session = *(struct session *const *)node;
  if (visit != postorder && visit != leaf) return;
  if (!session->must_leave) return;
  session->must_leave = false;
  if (!session->has_ended) mosquitto_kick_client_by_clientid(session->identifier, false);
}

// MARK: Signing in

static bool read_fingerprint(const struct mosquitto *client, char *text) {
  X509 *certificate = mosquitto_client_certificate(client);
  if (certificate == NULL) return false;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  int is_read = X509_digest(certificate, EVP_sha256(), digest, &size);
  X509_free(certificate);
  if (is_read != 1 || size * 2 != FINGERPRINT_LENGTH) return false;
  for (unsigned int i = 0; i < size; i++) sprintf(text + 2 * i, "%02x", digest[i]);
  return true;
}

static bool is_usable(const char *identifier) {
  if (identifier == NULL || strlen(identifier) > CLIENT_IDENTIFIER_LIMIT) return false;
  for (; *identifier != '\0'; identifier++) {
    if ((unsigned char)*identifier < ' ' || *identifier == 0x7f) return false;
  }
  return true;
}

static int sign_in(int event, void *event_data, void *data) {
  (void)event, (void)data;
  // After a reload mosquitto asks again for all clients, even those that are away: `review` has decided already.
  if (is_reloading) return MOSQ_ERR_SUCCESS;
  is_unstamped = false;
  struct mosquitto_evt_basic_auth *request = event_data;
  const char *identifier = mosquitto_client_id(request->client);
  if (!is_usable(identifier)) {
    mosquitto_log_printf(
        MOSQ_LOG_NOTICE, "Refusing a client whose identifier has control characters or more than %d bytes.",
        CLIENT_IDENTIFIER_LIMIT);
    return MOSQ_ERR_AUTH;
  }
  const char *reason = "its certificate can't be read";
  char fingerprint[FINGERPRINT_LENGTH + 1];
  const struct grant *grant = NULL;
  if (read_fingerprint(request->client, fingerprint)) {
    grant = permissions_find(permissions, fingerprint, identifier, &reason);
  }
  if (grant == NULL) {
    mosquitto_log_printf(MOSQ_LOG_NOTICE, "Refusing client %s: %s.", identifier, reason);
    return MOSQ_ERR_AUTH;
  }
  struct session *session = new_session(request->client, identifier);
  if (session == NULL) return MOSQ_ERR_NOMEM;
  memcpy(session->fingerprint, fingerprint, sizeof fingerprint);
  session->grant = grant;
  twalk_r(sessions, displace, session);
  return mosquitto_set_username(request->client, grant->user);
}

static int disconnected(int event, void *event_data, void *data) {
  (void)event, (void)data;
  struct mosquitto_evt_disconnect *news = event_data;
  struct session *session = session_of(news->client);
  if (session != NULL) session->has_ended = true;
  return MOSQ_ERR_SUCCESS;
}

// MARK: Messages

static int add_stamp(mosquitto_property **properties, const struct session *session) {
  int code = mosquitto_property_add_string_pair(
      properties, MQTT_PROP_USER_PROPERTY, client_property, session->identifier);
  if (code != MOSQ_ERR_SUCCESS) return code;
  return mosquitto_property_add_string_pair(
      properties, MQTT_PROP_USER_PROPERTY, principal_property, session->fingerprint);
}

// Appends a copy of the first of `properties`, which are those that mosquitto keeps with a message, unless it claims what
// only the stamp may say.
static int copy_property(mosquitto_property **copy, const mosquitto_property *properties) {
  int kind = mosquitto_property_identifier(properties), code = MOSQ_ERR_SUCCESS;
  char *name = NULL, *value = NULL;
  void *bytes = NULL;
  uint16_t size = 0;
  uint8_t byte = 0;
  switch (kind) {
    case MQTT_PROP_PAYLOAD_FORMAT_INDICATOR:
      mosquitto_property_read_byte(properties, kind, &byte, false);
      code = mosquitto_property_add_byte(copy, kind, byte);
      break;
    case MQTT_PROP_CONTENT_TYPE:
    case MQTT_PROP_RESPONSE_TOPIC:
      if (mosquitto_property_read_string(properties, kind, &value, false) == NULL) return MOSQ_ERR_NOMEM;
      code = mosquitto_property_add_string(copy, kind, value);
      break;
    case MQTT_PROP_CORRELATION_DATA:
      if (mosquitto_property_read_binary(properties, kind, &bytes, &size, false) == NULL) return MOSQ_ERR_NOMEM;
      code = mosquitto_property_add_binary(copy, kind, bytes, size);
      break;
    case MQTT_PROP_USER_PROPERTY:
      if (mosquitto_property_read_string_pair(properties, kind, &name, &value, false) == NULL) return MOSQ_ERR_NOMEM;
      if (strcmp(name, client_property) != 0 && strcmp(name, principal_property) != 0) {
        code = mosquitto_property_add_string_pair(copy, kind, name, value);
      }
      break;
    default: break;
  }
  free(name);
  free(value);
  free(bytes);
  return code;
}

static int stamp(int event, void *event_data, void *data) {
  (void)event, (void)data;
  is_unstamped = false;
  struct mosquitto_evt_message *message = event_data;
  const struct session *session = session_of(message->client);
  if (session == NULL) return MOSQ_ERR_ACL_DENIED;
  mosquitto_property *stamped = NULL;
  int code = MOSQ_ERR_SUCCESS;
  const mosquitto_property *property = message->properties;
  for (; property != NULL && code == MOSQ_ERR_SUCCESS; property = mosquitto_property_next(property)) {
    code = copy_property(&stamped, property);
  }
  if (code == MOSQ_ERR_SUCCESS) code = add_stamp(&stamped, session);
  if (code != MOSQ_ERR_SUCCESS) {
    mosquitto_property_free_all(&stamped);
    return code;
  }
  mosquitto_property_free_all(&message->properties);
  message->properties = stamped;
  return MOSQ_ERR_SUCCESS;
}

// A last will passes no plugin on its way, and its properties may claim anything: a stamped copy without them is
// published in its place.
static int publish_will(const struct mosquitto_evt_acl_check *request, const struct session *session) {
  mosquitto_property *stamped = NULL;
  int code = add_stamp(&stamped, session);
  if (code == MOSQ_ERR_SUCCESS) {
    code = mosquitto_broker_publish_copy(
        NULL, request->topic, (int)request->payloadlen, request->payload, request->qos, request->retain, stamped);
  }
  if (code != MOSQ_ERR_SUCCESS) mosquitto_property_free_all(&stamped);
  return MOSQ_ERR_ACL_DENIED;
}

static int check_publish(const struct mosquitto_evt_acl_check *request, const struct session *session) {
  is_unstamped = false;
  bool is_allowed = session != NULL && session->grant != NULL && grant_publishes(session->grant, request->topic)
      && (!request->retain || grant_matches(session->grant, 'r', request->topic));
  if (session == NULL || session->has_ended) {
    return is_allowed ? publish_will(request, session) : MOSQ_ERR_ACL_DENIED;
  }
  is_unstamped = is_allowed;
  if (is_allowed) return MOSQ_ERR_SUCCESS;
  // MQTT 3.1.1 has no words for a refusal: the connection ends, without an acknowledgement, as on AWS. Any error other
  // than MOSQ_ERR_ACL_DENIED makes mosquitto do that.
  if (mosquitto_client_protocol_version(request->client) >= 5) return MOSQ_ERR_ACL_DENIED;
  mosquitto_log_printf(
      MOSQ_LOG_NOTICE, "Disconnecting client %s: its policies don't allow publishing to %s.", session->identifier,
      request->topic);
  return MOSQ_ERR_AUTH;
}

static int check(int event, void *event_data, void *data) {
  (void)event, (void)data;
  struct mosquitto_evt_acl_check *request = event_data;
  const struct session *session = session_of(request->client);
  switch (request->access) {
    case MOSQ_ACL_WRITE: return check_publish(request, session);
    case MOSQ_ACL_SUBSCRIBE:
      if (session == NULL || session->grant == NULL) return MOSQ_ERR_ACL_DENIED;
      return grant_matches(session->grant, 's', request->topic) ? MOSQ_ERR_PLUGIN_DEFER : MOSQ_ERR_ACL_DENIED;
    case MOSQ_ACL_READ: return is_unstamped ? MOSQ_ERR_ACL_DENIED : MOSQ_ERR_PLUGIN_DEFER;
    default: return MOSQ_ERR_PLUGIN_DEFER;
  }
}

// MARK: The broker's turns

static bool load(void) {
  char reason[128];
  struct permissions *read = permissions_read(file_name, reason, sizeof reason);
  if (read == NULL) {
    mosquitto_log_printf(MOSQ_LOG_ERR, "Error: the permissions %s are of no use: %s.", file_name, reason);
    return false;
  }
  twalk_r(sessions, review, read);
  permissions_free(permissions);
  permissions = read;
  return true;
}

static int reload(int event, void *event_data, void *data) {
  (void)event, (void)event_data, (void)data;
  is_reloading = true;
  load();
  return MOSQ_ERR_SUCCESS;
}

static int tick(int event, void *event_data, void *data) {
  (void)event, (void)event_data, (void)data;
  is_reloading = is_unstamped = false;
  if (!someone_must_leave) return MOSQ_ERR_SUCCESS;
  someone_must_leave = false;
  twalk_r(sessions, dismiss, NULL);
  return MOSQ_ERR_SUCCESS;
}

// MARK: The plugin

static const struct {
  int event;
  MOSQ_FUNC_generic_callback function;
} callbacks[] = {
    {MOSQ_EVT_BASIC_AUTH, sign_in}, {MOSQ_EVT_DISCONNECT, disconnected}, {MOSQ_EVT_ACL_CHECK, check},
    {MOSQ_EVT_MESSAGE, stamp},      {MOSQ_EVT_RELOAD, reload},           {MOSQ_EVT_TICK, tick},
};
static const size_t callback_count = sizeof callbacks / sizeof *callbacks;

int mosquitto_plugin_version(int count, const int *versions) {
  for (int i = 0; i < count; i++) {
    if (versions[i] == 5) return 5;
  }
  return -1;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *id, void **data, struct mosquitto_opt *options, int count) {
  (void)data;
  plugin = id;
  for (int i = 0; i < count; i++) {
    if (strcmp(options[i].key, "clients_file") == 0) file_name = strdup(options[i].value);
  }
  if (file_name == NULL || !load()) return MOSQ_ERR_INVAL;
  for (size_t i = 0; i < callback_count; i++) {
    int code = mosquitto_callback_register(id, callbacks[i].event, callbacks[i].function, NULL, NULL);
    if (code != MOSQ_ERR_SUCCESS) return code;
  }
  return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_cleanup(void *data, struct mosquitto_opt *options, int count) {
  (void)data, (void)options, (void)count;
  for (size_t i = 0; i < callback_count; i++) {
    mosquitto_callback_unregister(plugin, callbacks[i].event, callbacks[i].function, NULL);
  }
  tdestroy(sessions, free_session);
  sessions = NULL;
  latest = NULL;
  permissions_free(permissions);
  permissions = NULL;
  free(file_name);
  return MOSQ_ERR_SUCCESS;
}
