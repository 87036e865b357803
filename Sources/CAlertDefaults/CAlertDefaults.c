#include "CAlertDefaults.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char text[] = {
#embed "../../rules/alerts.json"
};

const void *ts_alert_defaults(void) { return text; }

size_t ts_alert_defaults_count(void) { return sizeof text; }
