// A plugin of the local mosquitto for what its access list has no words for: which client identifiers a certificate may
// connect with, which topic filters it may subscribe to, and on which topics it may publish retained messages.
//
// plugin_opt_clients_file names a file of lines USER<TAB>connect|subscribe|retain<TAB>PATTERN, where '*' in a pattern stands for any
// characters and '?' for one. A user without lines is left to the access list. It is read again when the broker is told
// to reload.
//
// mosquitto asks no plugin when a certificate signs in, so that a wrong client identifier is found at the first
// publishing, subscribing or delivery: it is denied, and the client is put out at the broker's next turn.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>

struct rule {
  char *user;
  char *pattern;
  char kind;  // the first letter of connect, subscribe, retain
};

static mosquitto_plugin_id_t *identifier;
static char *file_name;
static struct rule *rules;
static size_t rule_count;
// Clients to put out; freeing one inside its own check would pull the ground from under the broker.
static char *leaving[64];
static size_t leaving_count;

static void clear(void) {
  for (size_t i = 0; i < rule_count; i++) {
    free(rules[i].user);
    free(rules[i].pattern);
  }
  free(rules);
  rules = NULL;
  rule_count = 0;
}

static void load(void) {
  FILE *file = fopen(file_name, "re");
  if (file == NULL) {
    mosquitto_log_printf(MOSQ_LOG_ERR, "Error: can't read %s.", file_name);
    return;
  }
  clear();
  char *line = NULL;
  size_t size = 0;
  while (getline(&line, &size, file) > 0) {
    line[strcspn(line, "\n")] = '\0';
    char *kind = strchr(line, '\t');
    char *pattern = kind == NULL ? NULL : strchr(kind + 1, '\t');
    if (pattern == NULL) continue;
    *kind++ = '\0';
    *pattern++ = '\0';
    struct rule *grown = realloc(rules, (rule_count + 1) * sizeof *rules);
    if (grown == NULL) break;
    rules = grown;
    rules[rule_count++] = (struct rule){strdup(line), strdup(pattern), kind[0]};
  }
  free(line);
  fclose(file);
}

static bool matches(const char *pattern, const char *text) {
  const char *retry_pattern = NULL, *retry_text = NULL;
  while (*text != '\0') {
    if (*pattern == '*') {
      retry_pattern = ++pattern;
      retry_text = text;
    } else if (*pattern == *text || *pattern == '?') {
      pattern++;
      text++;
    } else if (retry_pattern != NULL) {
      pattern = retry_pattern;
      text = ++retry_text;
    } else {
      return false;
    }
  }
  while (*pattern == '*') pattern++;
  return *pattern == '\0';
}

static bool allows(const char *user, char kind, const char *text, bool *is_known) {
  for (size_t i = 0; i < rule_count; i++) {
    if (strcmp(rules[i].user, user) != 0) continue;
    *is_known = true;
    if (rules[i].kind == kind && matches(rules[i].pattern, text)) return true;
  }
  return false;
}

static int check(int event, void *event_data, void *data) {
  (void)event, (void)data;
  struct mosquitto_evt_acl_check *request = event_data;
  const char *user = mosquitto_client_username(request->client);
  const char *client = mosquitto_client_id(request->client);
  if (user == NULL || client == NULL) return MOSQ_ERR_PLUGIN_DEFER;
  bool is_known = false;
  if (!allows(user, 'c', client, &is_known)) {
    if (!is_known) return MOSQ_ERR_PLUGIN_DEFER;
    mosquitto_log_printf(MOSQ_LOG_WARNING, "Client %s is put out: %s may not connect as that.", client, user);
    if (leaving_count < sizeof leaving / sizeof *leaving) leaving[leaving_count++] = strdup(client);
    return MOSQ_ERR_ACL_DENIED;
  }
  bool retains = request->access == MOSQ_ACL_WRITE && request->retain;
  if (retains && !allows(user, 'r', request->topic, &is_known)) return MOSQ_ERR_ACL_DENIED;
  bool subscribes = request->access == MOSQ_ACL_SUBSCRIBE;
  if (subscribes && !allows(user, 's', request->topic, &is_known)) return MOSQ_ERR_ACL_DENIED;
  return MOSQ_ERR_PLUGIN_DEFER;
}

static int reload(int event, void *event_data, void *data) {
  (void)event, (void)event_data, (void)data;
  load();
  return MOSQ_ERR_SUCCESS;
}

static int tick(int event, void *event_data, void *data) {
  (void)event, (void)event_data, (void)data;
  while (leaving_count > 0) {
    char *client = leaving[--leaving_count];
    mosquitto_kick_client_by_clientid(client, false);
    free(client);
  }
  return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_version(int count, const int *versions) {
  for (int i = 0; i < count; i++) {
    if (versions[i] == 5) return 5;
  }
  return -1;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *id, void **data, struct mosquitto_opt *options, int count) {
  (void)data;
  identifier = id;
  for (int i = 0; i < count; i++) {
    if (strcmp(options[i].key, "clients_file") == 0) file_name = strdup(options[i].value);
  }
  if (file_name == NULL) return MOSQ_ERR_INVAL;
  load();
  int code = mosquitto_callback_register(id, MOSQ_EVT_ACL_CHECK, check, NULL, NULL);
  if (code == MOSQ_ERR_SUCCESS) code = mosquitto_callback_register(id, MOSQ_EVT_RELOAD, reload, NULL, NULL);
  if (code == MOSQ_ERR_SUCCESS) code = mosquitto_callback_register(id, MOSQ_EVT_TICK, tick, NULL, NULL);
  return code;
}

int mosquitto_plugin_cleanup(void *data, struct mosquitto_opt *options, int count) {
  (void)data, (void)options, (void)count;
  mosquitto_callback_unregister(identifier, MOSQ_EVT_ACL_CHECK, check, NULL);
  mosquitto_callback_unregister(identifier, MOSQ_EVT_RELOAD, reload, NULL);
  mosquitto_callback_unregister(identifier, MOSQ_EVT_TICK, tick, NULL);
  clear();
  free(file_name);
  return MOSQ_ERR_SUCCESS;
}
