// The front door of the MQTT module.
