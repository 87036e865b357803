// A plugin of the local mosquitto that decides by certificate and policy, as AWS IoT Core does: who signs in with which
// client identifier, what a client may publish and subscribe to, and which client a message comes from.
//
// plugin_opt_clients_file names the permissions; see permissions.h. They are read again when the broker gets a signal to reload;
// if the file is damaged, the last good one stays in force. The access list still decides what a client may receive.
//
// plugin_opt_journal names the folder of the rules engine's journal; see queues.h. plugin_opt_journal_sync "true" makes it
// survive a power failure, except for the messages of one turn of the broker's loop: in mosquitto, a plugin can't delay an
// acknowledgement.

#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <mqtt_protocol.h>
#include <openssl/x509.h>

#include <BrokerJournal.h>

#include "permissions.h"
#include "properties.h"
#include "queues.h"

// AWS IoT Core's limit (AWS General Reference, "AWS IoT Core message broker limits").
enum { CLIENT_IDENTIFIER_LIMIT = 128 };

static const char client_property[] = "clientId", principal_property[] = "principal";
// User properties that only the broker may set.
static const char *const stamp_properties[] = {client_property, principal_property, QUEUE_STAMP, NULL};
// Topics that only the broker publishes to.
static const char own_topics[] = "$trucksensor/";
// Publishing to one of these topics asks a question, which the acknowledgement's reason code answers; nobody receives the
// message. The first is followed by a topic that the client wants to publish to, the second by a client identifier.
static const char publish_question[] = "$trucksensor/may-publish/", connection_question[] = "$trucksensor/is-connected/";

// A connection that has signed in. It is kept after its end, for the last will that the broker may send later; the next
// connection with the same address in memory takes its place.
struct session {
  const struct mosquitto *client;
  char *identifier;
  char fingerprint[FINGERPRINT_LENGTH + 1];
  const struct grant *grant;  // NULL once it has no permissions
  bool has_ended;
  bool must_leave;
};

static mosquitto_plugin_id_t *plugin;
static char *file_name, *journal_folder;
static bool journal_is_durable;
static struct queues *queues;  // NULL without a journal
static struct permissions *permissions;
static void *sessions;  // a tree of <search.h>, by the client's address
static struct session *latest;
static bool is_reloading;
static bool someone_must_leave;
// The client that is signing in or subscribing. The broker then checks its retained and its waiting messages, which don't come
// from the journal.
static const struct mosquitto *arriving;
// Whether the broker has been told to end. It then sends the last wills of all clients, bypassing the message callback.
static volatile sig_atomic_t is_ending;
static struct sigaction ending_actions[2];
static const int ending_signals[] = {SIGTERM, SIGINT};

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

// Marks a connection as ended if a new one has its client identifier: mosquitto may send its last will before it reports the end
// of the connection.
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
  arriving = request->client;
  return mosquitto_set_username(request->client, grant->user);
}

static int disconnected(int event, void *event_data, void *data) {
  (void)event, (void)data;
  struct mosquitto_evt_disconnect *news = event_data;
  struct session *session = session_of(news->client);
  if (session != NULL) session->has_ended = true;
  queues_disconnected(queues, news->client);
  return MOSQ_ERR_SUCCESS;
}

static bool is_cloud(const struct session *session) {
  return session != NULL && session->grant != NULL && strcmp(session->grant->state, "cloud") == 0;
}

// The queue from which the journal feeds a client; NULL if the broker delivers its messages. A client that hasn't signed in since
// the broker started belongs to a session that the broker has kept. MQTT 3.1.1 has no properties for the journal's numbers.
static const struct queue *queue_of(const struct mosquitto *client, const struct session *session) {
  int version = mosquitto_client_protocol_version(client);
  if (session == NULL) return queues_find(queues, mosquitto_client_id(client));
  return is_cloud(session) && (version == 5 || session->has_ended) ? queues_find(queues, session->identifier) : NULL;
}

// MARK: Messages

static int add_stamp(mosquitto_property **properties, const struct session *session) {
  int code = mosquitto_property_add_string_pair(
      properties, MQTT_PROP_USER_PROPERTY, client_property, session->identifier);
  if (code != MOSQ_ERR_SUCCESS) return code;
  return mosquitto_property_add_string_pair(
      properties, MQTT_PROP_USER_PROPERTY, principal_property, session->fingerprint);
}

static int stamp(int event, void *event_data, void *data) {
  (void)event, (void)data;
  arriving = NULL;
  struct mosquitto_evt_message *message = event_data;
  const struct session *session = session_of(message->client);
  if (session == NULL) return MOSQ_ERR_ACL_DENIED;
  mosquitto_property *stamped = NULL;
  int code = MOSQ_ERR_SUCCESS;
  const mosquitto_property *property = message->properties;
  for (; property != NULL && code == MOSQ_ERR_SUCCESS; property = mosquitto_property_next(property)) {
    code = properties_copy_first(&stamped, property, stamp_properties);
  }
  if (code == MOSQ_ERR_SUCCESS) code = add_stamp(&stamped, session);
  char reason[JOURNAL_REASON_SIZE];
  if (code == MOSQ_ERR_SUCCESS && queues != NULL && message->qos > 0
      && !queues_add(queues, message->topic, message->payload, message->payloadlen, stamped, reason)) {
    // Without an acknowledgement the publisher keeps the message. With MQTT 5, it learns that it isn't the cause.
    mosquitto_kick_client_by_clientid(session->identifier, true);
    code = MOSQ_ERR_UNKNOWN;
  }
  if (code != MOSQ_ERR_SUCCESS) {
    mosquitto_property_free_all(&stamped);
    return code;
  }
  mosquitto_property_free_all(&message->properties);
  message->properties = stamped;
  return MOSQ_ERR_SUCCESS;
}

// Plugins don't see a last will, and its properties may claim anything, so a stamped copy without them is published
// instead.
static int publish_will(const struct mosquitto_evt_acl_check *request, const struct session *session) {
  mosquitto_property *stamped = NULL;
  int code = add_stamp(&stamped, session);
  char reason[JOURNAL_REASON_SIZE];
  if (code == MOSQ_ERR_SUCCESS && queues != NULL && request->qos > 0) {
    queues_add(queues, request->topic, request->payload, request->payloadlen, stamped, reason);
  }
  if (code == MOSQ_ERR_SUCCESS) {
    code = mosquitto_broker_publish_copy(
        NULL, request->topic, (int)request->payloadlen, request->payload, request->qos, request->retain, stamped);
  }
  if (code != MOSQ_ERR_SUCCESS) mosquitto_property_free_all(&stamped);
  return MOSQ_ERR_ACL_DENIED;
}

// What follows a prefix in a text; NULL if the text doesn't begin with it.
static const char *after(const char *text, const char *prefix) {
  size_t length = strlen(prefix);
  return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

// Internal topics: only the rules engine may publish on them, and only to itself.
static bool is_open_to(const struct session *session, const char *topic) {
  if (after(topic, own_topics) == NULL) return true;
  return is_cloud(session) && after(topic, QUEUE_MARKS) != NULL;
}

struct search {
  const char *identifier;
  bool has_found;
};

static void search_connection(const void *node, VISIT visit, void *closure) {
  const struct session *session = *(struct session *const *)node;
  struct search *search = closure;
  if (visit != postorder && visit != leaf) return;
  if (!session->has_ended && strcmp(session->identifier, search->identifier) == 0) search->has_found = true;
}

static bool is_connected(const char *identifier) {
  struct search search = {.identifier = identifier};
  twalk_r(sessions, search_connection, &search);
  return search.has_found;
}

static int check_publish(const struct mosquitto_evt_acl_check *request, const struct session *session) {
  // Messages that are published now are acknowledged after the next start, and no last will is sent.
  if (is_ending) return MOSQ_ERR_AUTH;
  if (queues != NULL && is_cloud(session) && strcmp(request->topic, QUEUE_COMMANDS) == 0) return MOSQ_ERR_SUCCESS;
  const char *identifier = is_cloud(session) ? after(request->topic, connection_question) : NULL;
  if (identifier != NULL) return is_connected(identifier) ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
  const char *asked = after(request->topic, publish_question);
  const char *topic = asked == NULL ? request->topic : asked;
  bool is_allowed = session != NULL && session->grant != NULL && grant_publishes(session->grant, topic)
      && is_open_to(session, topic)
      && (!request->retain || (asked == NULL && grant_matches(session->grant, 'r', topic)));
  if (session == NULL || session->has_ended) {
    return is_allowed && asked == NULL ? publish_will(request, session) : MOSQ_ERR_ACL_DENIED;
  }
  if (is_allowed) return MOSQ_ERR_SUCCESS;
  // MQTT 3.1.1 has no reason code for a refusal, and QoS 0 no acknowledgement: the connection ends, as on AWS. Any error other
  // than MOSQ_ERR_ACL_DENIED makes mosquitto do that. The rules engine stays: its topics may come from what devices send.
  bool is_told = mosquitto_client_protocol_version(request->client) >= 5 && request->qos > 0;
  if (is_told || is_cloud(session)) return MOSQ_ERR_ACL_DENIED;
  mosquitto_log_printf(
      MOSQ_LOG_NOTICE, "Disconnecting client %s: its policies don't allow publishing to %s.", session->identifier,
      request->topic);
  return MOSQ_ERR_AUTH;
}

// A message from the journal mustn't also come through the broker's own queue. Messages that the journal has given to the broker
// are checked with QoS 0 when their client signs in again.
static int check_delivery(const struct mosquitto_evt_acl_check *request, const struct session *session) {
  const struct queue *queue = request->client == arriving && request->qos > 0 ? NULL : queue_of(request->client, session);
  if (queue == NULL || !queue_takes(queue, request->topic)) return MOSQ_ERR_PLUGIN_DEFER;
  return request->qos > 0 ? MOSQ_ERR_ACL_DENIED : MOSQ_ERR_SUCCESS;
}

static int check(int event, void *event_data, void *data) {
  (void)event, (void)data;
  struct mosquitto_evt_acl_check *request = event_data;
  const struct session *session = session_of(request->client);
  switch (request->access) {
    case MOSQ_ACL_WRITE: return check_publish(request, session);
    case MOSQ_ACL_SUBSCRIBE:
      arriving = request->client;
      if (session == NULL || session->grant == NULL) return MOSQ_ERR_ACL_DENIED;
      return grant_matches(session->grant, 's', request->topic) ? MOSQ_ERR_PLUGIN_DEFER : MOSQ_ERR_ACL_DENIED;
    case MOSQ_ACL_READ: return check_delivery(request, session);
    default: return MOSQ_ERR_PLUGIN_DEFER;
  }
}

static bool may_subscribe(void *closure, const char *filter) {
  const struct session *session = closure;
  return grant_matches(session->grant, 's', filter);
}

static int command(int event, void *event_data, void *data) {
  (void)event, (void)data;
  struct mosquitto_evt_control *request = event_data;
  struct session *session = session_of(request->client);
  if (is_cloud(session) && request->payload != NULL) {
    queues_command(
        queues, session->identifier, request->client, request->payload, request->payloadlen, may_subscribe, session);
  }
  return MOSQ_ERR_SUCCESS;
}

// MARK: The broker's turns

static bool load(void) {
  char reason[128];
  struct permissions *read = permissions_read(file_name, reason, sizeof reason);
  if (read == NULL) {
    mosquitto_log_printf(MOSQ_LOG_ERR, "Error: can't use the permissions %s: %s.", file_name, reason);
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

static void note_ending(int number) {
  is_ending = true;
  for (size_t i = 0; i < sizeof ending_signals / sizeof *ending_signals; i++) {
    void (*next)(int) = ending_actions[i].sa_handler;
    if (ending_signals[i] == number && next != SIG_DFL && next != SIG_IGN) next(number);
  }
}

// The broker sets its own handlers after it has loaded its plugins, so this runs in its first turn.
static void watch_ending(void) {
  static bool is_watching = false;
  if (is_watching) return;
  is_watching = true;
  struct sigaction action = {.sa_handler = note_ending, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof ending_signals / sizeof *ending_signals; i++) {
    sigaction(ending_signals[i], &action, &ending_actions[i]);
  }
}

static int tick(int event, void *event_data, void *data) {
  (void)event, (void)event_data, (void)data;
  is_reloading = false;
  arriving = NULL;
  watch_ending();
  queues_tick(queues);
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
    {MOSQ_EVT_CONTROL, command},
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
    if (strcmp(options[i].key, "journal") == 0) journal_folder = strdup(options[i].value);
    if (strcmp(options[i].key, "journal_sync") == 0) journal_is_durable = strcmp(options[i].value, "true") == 0;
  }
  if (file_name == NULL || !load()) return MOSQ_ERR_INVAL;
  // A file at its size limit is treated like a full disk, and doesn't end the broker.
  signal(SIGXFSZ, SIG_IGN);
  char reason[JOURNAL_REASON_SIZE];
  if (journal_folder != NULL && (queues = queues_open(journal_folder, journal_is_durable, reason)) == NULL) {
    mosquitto_log_printf(MOSQ_LOG_ERR, "Error: can't use the journal: %s.", reason);
    return MOSQ_ERR_INVAL;
  }
  for (size_t i = 0; i < callback_count; i++) {
    int code = mosquitto_callback_register(id, callbacks[i].event, callbacks[i].function, QUEUE_COMMANDS, NULL);
    if (code != MOSQ_ERR_SUCCESS) return code;
  }
  return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_cleanup(void *data, struct mosquitto_opt *options, int count) {
  (void)data, (void)options, (void)count;
  for (size_t i = 0; i < callback_count; i++) {
    mosquitto_callback_unregister(plugin, callbacks[i].event, callbacks[i].function, QUEUE_COMMANDS);
  }
  queues_close(queues);
  queues = NULL;
  tdestroy(sessions, free_session);
  sessions = NULL;
  latest = NULL;
  permissions_free(permissions);
  permissions = NULL;
  free(file_name);
  free(journal_folder);
  return MOSQ_ERR_SUCCESS;
}
