// Only the broker calls the plugin's functions (mosquitto_plugin.h), so nothing is declared here.
