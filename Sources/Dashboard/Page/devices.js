// The devices: the list to choose from, and the fleet's table.

import { ask, byId, clock, format, now, say, state } from './state.js';
import { choose, load, showControls } from './view.js';
import { loadDiagnosis } from './diagnosis.js';

// Whether a value is at or beyond the threshold of an alert rule.
function isBeyond(measure, value) {
  return state.limits.some((limit) => limit.measure === measure && value !== undefined && value !== null
    && (limit.condition === 'above' ? value >= limit.threshold : value <= limit.threshold));
}

// A device that sends nothing for so long is silent, ms.
const silence = 120_000;

// A device's state in a word, and whether it needs somebody.
function condition(device) {
  if (device.alerts > 0) return ['alert', true];
  if (now() - device.last > silence) return ['silent', false];
  if (isBeyond('temp', device.latest.temp) || isBeyond('volts', device.latest.volts)) return ['beyond a limit', true];
  return ['OK', false];
}

export async function refreshDevices() {
  let answer;
  try {
    answer = await ask('/api/devices');
  } catch (error) {
    say(`${error.message}: waiting for the first readings`);
    return;
  }
  state.skew = answer.now - Date.now();
  state.limits = answer.limits;
  state.devices = new Map(answer.devices.map((device) => [device.device, device]));
  const select = byId('device');
  const names = [...state.devices.keys()].sort();
  if (names.join('\n') !== [...select.options].map((option) => option.value).join('\n')) {
    select.replaceChildren(...names.map((name) => new Option(name, name)));
  }
  if (!state.devices.has(state.device)) {
    if (state.device && answer.devices.length) say(`There is no device '${state.device}' in the store.`);
    state.device = answer.devices.length ? answer.devices[0].device : null;
    state.latest = 0;
    state.wasAhead = false;
    if (state.device) {
      showControls();
      load();
      loadDiagnosis().catch(() => {});
    }
  }
  if (state.device) select.value = state.device;
  const body = byId('fleet');
  body.replaceChildren(...answer.devices.map((device) => {
    const row = document.createElement('tr');
    const cell = (text, bad) => {
      const made = document.createElement('td');
      made.textContent = text;
      if (bad) made.className = 'bad';
      row.append(made);
      return made;
    };
    const name = cell('');
    const button = document.createElement('button');
    button.textContent = device.device;
    button.addEventListener('click', () => choose(device.device));
    name.append(button);
    const [words, isBad] = condition(device);
    cell(words, isBad);
    cell(String(device.alerts), device.alerts > 0);
    cell(format(device.latest.temp, 2), isBeyond('temp', device.latest.temp));
    cell(format(device.latest.volts, 2), isBeyond('volts', device.latest.volts));
    cell(device.latest.door > 0 ? 'open' : 'closed');
    cell(clock(device.last));
    return row;
  }));
}
