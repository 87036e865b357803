#include "permissions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mosquitto.h>

static const char header[] = "trucksensor clients 2";
static const long size_limit = 1L << 30;

static char *read_text(const char *file, char *error, size_t size) {
  FILE *stream = fopen(file, "re");
  if (stream == NULL) {
    snprintf(error, size, "%s", strerror(errno));
    return NULL;
  }
  char *text = NULL;
  long length = fseek(stream, 0, SEEK_END) == 0 ? ftell(stream) : -1;
  if (length >= 0 && length <= size_limit && fseek(stream, 0, SEEK_SET) == 0) text = malloc((size_t)length + 1);
  if (text != NULL && fread(text, 1, (size_t)length, stream) != (size_t)length) {
    free(text);
    text = NULL;
  }
  fclose(stream);
  if (text == NULL) {
    snprintf(error, size, "the file can't be read");
  } else {
    text[length] = '\0';
  }
  return text;
}

// Cuts the next field off a line; NULL if there is none.
static char *next_field(char **rest) {
  char *field = *rest;
  if (field == NULL) return NULL;
  char *tab = strchr(field, '\t');
  if (tab != NULL) *tab++ = '\0';
  *rest = tab;
  return field;
}

static bool is_fingerprint(const char *text) {
  return strlen(text) == FINGERPRINT_LENGTH && strspn(text, "0123456789abcdef") == FINGERPRINT_LENGTH;
}

static bool is_one_of(const char *text, const char *const words[]) {
  for (; *words != NULL; words++) {
    if (strcmp(text, *words) == 0) return true;
  }
  return false;
}

// Reads one line; false if it is damaged.
static bool take(struct permissions *permissions, size_t *rule_count, char *line) {
  static const char *const states[] = {"active", "inactive", "revoked", "cloud", NULL};
  static const char *const kinds[] = {"connect", "subscribe", "retain", "publish", "deny", NULL};
  char *word = next_field(&line), *first = next_field(&line);
  if (first == NULL) return false;
  if (strcmp(word, "certificate") == 0) {
    char *state = next_field(&line), *user = next_field(&line);
    if (user == NULL || *user == '\0' || line != NULL || !is_fingerprint(first)) return false;
    if (!is_one_of(state, states)) return false;
    permissions->grants[permissions->grant_count++] =
        (struct grant){first, state, user, &permissions->rules[*rule_count], 0};
    return true;
  }
  if (line != NULL) return false;
  if (strcmp(word, "reserved") == 0) {
    if (permissions->grant_count > 0) return false;
    permissions->reserved[permissions->reserved_count++] = (struct rule){'r', first};
    return true;
  }
  if (permissions->grant_count == 0 || !is_one_of(word, kinds)) return false;
  permissions->rules[(*rule_count)++] = (struct rule){word[0], first};
  permissions->grants[permissions->grant_count - 1].rule_count++;
  return true;
}

static int by_fingerprint(const void *left, const void *right) {
  const struct grant *first = left, *second = right;
  return strcmp(first->fingerprint, second->fingerprint);
}

static bool parse(struct permissions *permissions, char *error, size_t size) {
  size_t number = 0, rule_count = 0;
  char *rest = permissions->text;
  while (rest != NULL) {
    char *line = rest;
    rest = strchr(line, '\n');
    if (rest != NULL) *rest++ = '\0';
    number++;
    if (rest == NULL) break;
    char end[32];
    snprintf(end, sizeof end, "end\t%zu", permissions->grant_count);
    if (number > 1 && strcmp(line, end) == 0 && *rest == '\0') {
      qsort(permissions->grants, permissions->grant_count, sizeof *permissions->grants, by_fingerprint);
      return true;
    }
    bool is_good = number == 1 ? strcmp(line, header) == 0 : take(permissions, &rule_count, line);
    if (!is_good) break;
  }
  snprintf(error, size, "line %zu is invalid, or the file is cut off there", number);
  return false;
}

struct permissions *permissions_read(const char *file, char *error, size_t size) {
  snprintf(error, size, "there isn't enough memory");
  struct permissions *permissions = calloc(1, sizeof *permissions);
  if (permissions == NULL) return NULL;
  permissions->text = read_text(file, error, size);
  if (permissions->text != NULL) {
    size_t lines = 1;
    for (const char *next = permissions->text; (next = strchr(next, '\n')) != NULL; next++) lines++;
    permissions->rules = calloc(lines, sizeof *permissions->rules);
    permissions->reserved = calloc(lines, sizeof *permissions->reserved);
    permissions->grants = calloc(lines, sizeof *permissions->grants);
    bool has_memory = permissions->rules && permissions->reserved && permissions->grants;
    if (has_memory && parse(permissions, error, size)) return permissions;
  }
  permissions_free(permissions);
  return NULL;
}

void permissions_free(struct permissions *permissions) {
  if (permissions == NULL) return;
  free(permissions->text);
  free(permissions->rules);
  free(permissions->reserved);
  free(permissions->grants);
  free(permissions);
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

static bool any_matches(const struct rule *rules, size_t count, char kind, const char *text) {
  for (size_t i = 0; i < count; i++) {
    if (rules[i].kind == kind && matches(rules[i].pattern, text)) return true;
  }
  return false;
}

bool grant_matches(const struct grant *grant, char kind, const char *text) {
  return any_matches(grant->rules, grant->rule_count, kind, text);
}

bool grant_publishes(const struct grant *grant, const char *topic) {
  bool is_allowed = false;
  for (size_t i = 0; i < grant->rule_count; i++) {
    const struct rule *rule = &grant->rules[i];
    if (rule->kind != 'd' && (rule->kind != 'p' || is_allowed)) continue;
    bool is_match = false;
    if (mosquitto_topic_matches_sub(rule->pattern, topic, &is_match) != MOSQ_ERR_SUCCESS || !is_match) continue;
    if (rule->kind == 'd') return false;
    is_allowed = true;
  }
  return is_allowed;
}

const struct grant *permissions_find(
    const struct permissions *permissions, const char *fingerprint, const char *client, const char **reason) {
  const struct grant key = {.fingerprint = fingerprint};
  const struct grant *found = bsearch(
      &key, permissions->grants, permissions->grant_count, sizeof key, by_fingerprint);
  if (found == NULL) {
    *reason = "its certificate isn't registered";
    return NULL;
  }
  const struct grant *first = found, *end = permissions->grants + permissions->grant_count, *chosen = NULL;
  while (first > permissions->grants && by_fingerprint(first - 1, &key) == 0) first--;
  bool is_reserved = any_matches(permissions->reserved, permissions->reserved_count, 'r', client);
  for (const struct grant *grant = first; grant < end && by_fingerprint(grant, &key) == 0; grant++) {
    bool is_cloud = strcmp(grant->state, "cloud") == 0;
    if (!is_cloud && strcmp(grant->state, "active") != 0) {
      *reason = strcmp(grant->state, "revoked") == 0 ? "its certificate is revoked" : "its certificate is inactive";
      return NULL;
    }
    if (is_reserved && !is_cloud) {
      *reason = "this client identifier belongs to the rules engine";
      return NULL;
    }
    // The grant of the thing with that name takes precedence: its policies may apply to that thing only.
    bool is_named = strcmp(grant->user, client) == 0;
    if ((chosen == NULL || is_named) && grant_matches(grant, 'c', client)) chosen = grant;
  }
  if (chosen == NULL) *reason = "its policies don't allow this client identifier";
  return chosen;
}
