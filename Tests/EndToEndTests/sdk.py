"""Drives one of AWS's device SDKs, unmodified, against a local broker.

    sdk.py v1|v2|v2-mqtt5 PORT THING OTHER_THING

Runs in a folder with certs/ and data/ca/. Connects as THING, publishes three readings to truck/freezer, subscribes to
truck/orders (allowed) and truck/secret (denied), publishes to truck/secret (denied), and connects and publishes as
OTHER_THING with THING's certificate (denied). Prints one JSON object that says how each step went.
"""
import json
import sys
import threading
import time

HOST = "localhost"
CA = "data/ca/root-CA.crt"
SECONDS = 10


def reading(number):
    return json.dumps({"temp": f"{number}.5", "volts": "12.1", "door": "0", "timestamp": int(time.time()) + number})


class V1:
    """AWSIoTPythonSDK: MQTT 3.1.1."""

    def __init__(self, port, thing, name):
        from AWSIoTPythonSDK.MQTTLib import AWSIoTMQTTClient

        self.ended = threading.Event()
        self.client = AWSIoTMQTTClient(name)
        self.client.configureEndpoint(HOST, port)
        self.client.configureCredentials(CA, f"certs/{thing}.private.key", f"certs/{thing}.cert.pem")
        self.client.configureConnectDisconnectTimeout(SECONDS)
        self.client.configureMQTTOperationTimeout(SECONDS)
        self.client.configureOfflinePublishQueueing(0)
        self.client.onOffline = self.ended.set

    def connect(self):
        return self.client.connect()

    def publish(self, topic, payload):
        return self.client.publish(topic, payload, 1)

    def subscribe(self, topic, received):
        return self.client.subscribe(topic, 1, lambda client, data, message: received.set())

    def disconnect(self):
        self.client.disconnect()


class V2:
    """awsiotsdk: MQTT 3.1.1."""

    def __init__(self, port, thing, name):
        from awsiot import mqtt_connection_builder

        self.ended = threading.Event()
        self.client = mqtt_connection_builder.mtls_from_path(
            endpoint=HOST, port=port, client_id=name, clean_session=True, ca_filepath=CA,
            cert_filepath=f"certs/{thing}.cert.pem", pri_key_filepath=f"certs/{thing}.private.key",
            on_connection_interrupted=lambda **arguments: self.ended.set())

    def connect(self):
        self.client.connect().result(SECONDS)
        return True

    def publish(self, topic, payload):
        from awscrt import mqtt

        future, _ = self.client.publish(topic, payload, mqtt.QoS.AT_LEAST_ONCE)
        future.result(SECONDS)
        return True

    def subscribe(self, topic, received):
        from awscrt import mqtt

        future, _ = self.client.subscribe(
            topic, mqtt.QoS.AT_LEAST_ONCE, lambda topic, payload, **arguments: received.set())
        return future.result(SECONDS)["qos"] is not None

    def disconnect(self):
        self.client.disconnect().result(SECONDS)


class V2MQTT5:
    """awsiotsdk: MQTT 5."""

    def __init__(self, port, thing, name):
        from awsiot import mqtt5_client_builder

        self.ended = threading.Event()
        self.answer = threading.Event()
        self.is_connected = False
        self.receivers = {}
        self.client = mqtt5_client_builder.mtls_from_path(
            endpoint=HOST, port=port, client_id=name, ca_filepath=CA,
            cert_filepath=f"certs/{thing}.cert.pem", pri_key_filepath=f"certs/{thing}.private.key",
            on_lifecycle_connection_success=lambda data: self.decided(True),
            on_lifecycle_connection_failure=lambda data: self.decided(False),
            on_lifecycle_disconnection=lambda data: self.ended.set(),
            on_publish_received=lambda data: self.receivers[data.publish_packet.topic].set())

    def decided(self, is_connected):
        self.is_connected = is_connected
        self.answer.set()

    def connect(self):
        self.client.start()
        return self.answer.wait(SECONDS) and self.is_connected

    def publish(self, topic, payload):
        from awscrt import mqtt5

        packet = mqtt5.PublishPacket(topic=topic, payload=payload, qos=mqtt5.QoS.AT_LEAST_ONCE)
        return self.client.publish(packet).result(SECONDS).puback.reason_code < 128

    def subscribe(self, topic, received):
        from awscrt import mqtt5

        self.receivers[topic] = received
        packet = mqtt5.SubscribePacket([mqtt5.Subscription(topic, mqtt5.QoS.AT_LEAST_ONCE)])
        return self.client.subscribe(packet).result(SECONDS).reason_codes[0] < 128

    def disconnect(self):
        self.client.stop()


def succeeds(step):
    """Whether a step works; the SDKs raise errors of many kinds for what is refused."""
    try:
        return bool(step())
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return False


def main():
    kind, port, thing, other = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    make = {"v1": V1, "v2": V2, "v2-mqtt5": V2MQTT5}[kind]
    device = make(port, thing, thing)
    result = {"connects": succeeds(device.connect)}
    result["publishes"] = [succeeds(lambda: device.publish("truck/freezer", reading(n))) for n in range(3)]
    received = threading.Event()
    result["subscribes"] = succeeds(lambda: device.subscribe("truck/orders", received))
    result["subscribes to the denied topic"] = succeeds(lambda: device.subscribe("truck/secret", threading.Event()))
    succeeds(lambda: device.publish("truck/orders", "{}"))
    result["receives"] = received.wait(SECONDS)
    if kind == "v2-mqtt5":
        result["publishes to the denied topic"] = succeeds(lambda: device.publish("truck/secret", "{}"))
        result["is disconnected"] = not succeeds(lambda: device.publish("truck/freezer", reading(4)))
    else:
        # Its SDK connects again by itself and may send again; what counts is that the connection ended.
        threading.Thread(target=lambda: succeeds(lambda: device.publish("truck/secret", "{}")), daemon=True).start()
        result["is disconnected"] = device.ended.wait(2 * SECONDS)
    succeeds(device.disconnect)
    another = make(port, thing, other)
    # The first SDK takes every CONNACK for a connection.
    result["publishes as another"] = succeeds(lambda: another.connect() and another.publish("truck/freezer", reading(5)))
    print(json.dumps(result), flush=True)
    # The SDKs' threads go on trying to connect.
    import os

    os._exit(0)


main()
