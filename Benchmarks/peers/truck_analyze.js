// The rule truckAnalyze in Node, a line at a time.
const lines = require('readline').createInterface({ input: process.stdin });
let out = [];
const two = (n) => (n < 10 ? '0' + n : n);
lines.on('line', (line) => {
  const m = JSON.parse(line);
  const t = new Date(m.timestamp * 1000);
  const time = `${t.getUTCFullYear()}-${two(t.getUTCMonth() + 1)}-${two(t.getUTCDate())} ` +
    `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}:${two(t.getUTCSeconds())}`;
  out.push(JSON.stringify({ temp: Number(m.temp), volts: Number(m.volts), door: Math.floor(m.door), timestamp: time }));
  if (out.length === 4096) { process.stdout.write(out.join('\n') + '\n'); out = []; }
});
lines.on('close', () => process.stdout.write(out.join('\n') + '\n'));
