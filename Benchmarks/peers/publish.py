"""The Python clients: publishes as fast as each can over mutual TLS, and ends when all is sent and, at QoS 1, acknowledged.

publish.py paho|AWSIoTPythonSDK|awsiotsdk PORT QOS COUNT PAYLOAD    in a folder with data/ca and certs/
"""

import sys
import threading

library, port, qos, count, payload = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
CA, CERT, KEY = "data/ca/root-CA.crt", "certs/truckSensor01.cert.pem", "certs/truckSensor01.private.key"
TOPIC = "truck/freezer"
done = threading.Semaphore(0)
# Messages without an answer.
window = threading.Semaphore(1000)


def finished(*_, **__):
    window.release()
    done.release()


if library == "paho":
    import paho.mqtt.client as paho

    try:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="truckSensor01")
    except AttributeError:
        client = paho.Client(client_id="truckSensor01")
    client.tls_set(CA, CERT, KEY)
    client.max_inflight_messages_set(100)
    ready = threading.Event()
    client.on_connect = lambda *_: ready.set()
    client.on_publish = finished
    client.connect("127.0.0.1", port)
    client.loop_start()
    ready.wait(10)
    for _ in range(count):
        window.acquire()
        client.publish(TOPIC, payload, qos)
    end = client.disconnect
elif library == "AWSIoTPythonSDK":
    from AWSIoTPythonSDK.MQTTLib import AWSIoTMQTTClient

    client = AWSIoTMQTTClient("truckSensor01")
    client.configureEndpoint("127.0.0.1", port)
    client.configureCredentials(CA, KEY, CERT)
    client.configureOfflinePublishQueueing(-1)
    client.connect()
    for _ in range(count):
        if qos == 0:
            client.publishAsync(TOPIC, payload, 0)
            done.release()
        else:
            window.acquire()
            client.publishAsync(TOPIC, payload, 1, ackCallback=finished)
    end = client.disconnect
elif library == "awsiotsdk":
    from awscrt import mqtt
    from awsiot import mqtt_connection_builder

    client = mqtt_connection_builder.mtls_from_path(
        endpoint="127.0.0.1", port=port, cert_filepath=CERT, pri_key_filepath=KEY, ca_filepath=CA, client_id="truckSensor01")
    client.connect().result(10)
    for _ in range(count):
        window.acquire()
        future, _ = client.publish(TOPIC, payload, mqtt.QoS(qos))
        future.add_done_callback(finished)
    end = lambda: client.disconnect().result(10)
else:
    sys.exit(64)
for _ in range(count):
    done.acquire()
end()
