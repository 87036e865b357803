#ifndef CALERTDEFAULTS_H
#define CALERTDEFAULTS_H

#include <stddef.h>

// The text of rules/alerts.json as it was when the program was built. Swift can't embed a file from outside a target's
// folder; C can, and the compiler builds this again when the file changes.
const void *ts_alert_defaults(void);

// The number of its bytes.
size_t ts_alert_defaults_count(void);

#endif
