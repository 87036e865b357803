// The plugin's functions are the broker's to call (mosquitto_plugin.h); there is nothing for us.
