// mqtt.js: publishes as fast as it can over mutual TLS, at most 1000 messages without an answer.
//   node publish.js PORT QOS COUNT PAYLOAD    in a folder with data/ca and certs/
const fs = require("fs");
const mqtt = require("mqtt");

const [port, qos, count] = process.argv.slice(2, 5).map(Number);
const payload = process.argv[5];
const client = mqtt.connect({
  protocol: "mqtts",
  host: "127.0.0.1",
  port,
  clientId: "truckSensor01",
  ca: fs.readFileSync("data/ca/root-CA.crt"),
  cert: fs.readFileSync("certs/truckSensor01.cert.pem"),
  key: fs.readFileSync("certs/truckSensor01.private.key"),
});
let sent = 0;
let done = 0;
function published(error) {
  if (error) throw error;
  done += 1;
  if (done === count) client.end();
  else if (sent < count) publish();
}
function publish() {
  sent += 1;
  client.publish("truck/freezer", payload, { qos }, published);
}
client.on("connect", () => {
  for (let n = 0; n < Math.min(1000, count); n += 1) publish();
});
