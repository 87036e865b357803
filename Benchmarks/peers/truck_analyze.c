// The rule truckAnalyze by hand, for its own payload only: how fast it could be at all. No JSON is checked.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *after(const char *text, const char *key) {
  const char *found = strstr(text, key);
  return found == NULL ? NULL : found + strlen(key);
}

// A decimal without its trailing zeros.
static char *number(char *out, const char *text, char end) {
  const char *stop = strchr(text, end);
  if (memchr(text, '.', (size_t)(stop - text)) != NULL) {
    while (stop[-1] == '0') stop--;
    if (stop[-1] == '.') stop--;
  }
  memcpy(out, text, (size_t)(stop - text));
  return out + (stop - text);
}

static char *add(char *out, const char *text) {
  size_t length = strlen(text);
  memcpy(out, text, length);
  return out + length;
}

int main(void) {
  static char line[65536], result[65536], buffer[1 << 18];
  setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  while (fgets_unlocked(line, sizeof line, stdin) != NULL) {
    const char *temp = after(line, "\"temp\":\""), *volts = after(line, "\"volts\":\"");
    const char *door = after(line, "\"door\":\""), *time = after(line, "\"timestamp\":");
    if (temp == NULL || volts == NULL || door == NULL || time == NULL) continue;
    char *out = add(result, "{\"temp\":");
    out = add(number(out, temp, '"'), ",\"volts\":");
    out = add(number(out, volts, '"'), ",\"door\":");
    out = add(number(out, door, '"'), ",\"timestamp\":\"");
    time_t seconds = strtoll(time, NULL, 10);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    int year = parts.tm_year + 1900, month = parts.tm_mon + 1;
    int values[] = {month, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec};
    const char separators[] = "-- ::";
    *out++ = (char)('0' + year / 1000);
    *out++ = (char)('0' + year / 100 % 10);
    *out++ = (char)('0' + year / 10 % 10);
    *out++ = (char)('0' + year % 10);
    for (int i = 0; i < 5; i++) {
      *out++ = separators[i == 0 ? 0 : i];
      *out++ = (char)('0' + values[i] / 10);
      *out++ = (char)('0' + values[i] % 10);
    }
    out = add(out, "\"}\n");
    fwrite_unlocked(result, 1, (size_t)(out - result), stdout);
  }
  return 0;
}
