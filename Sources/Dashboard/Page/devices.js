// The devices: the list to choose from, and the fleet's table.

import { ask, byId, clock, format, now, say, state } from './state.js';
import { choose, load, showControls } from './view.js';
import { loadDiagnosis } from './diagnosis.js';

// Whether a value is at or beyond the threshold of an alert rule.
function isBeyond(measure, value) {
  return state.limits.some((limit) => limit.measure === measure && value !== undefined && value !== null
    && (limit.condition === 'above' ? value >= limit.threshold : value <= limit.threshold));
}

// A device's state in words, and how bad it is.
function condition(device) {
  if (device.alerts > 0) return ['alert', 3];
  if (isBeyond('temp', device.latest.temp) || isBeyond('volts', device.latest.volts)) return ['beyond a limit', 2];
  if (now() - device.last > state.silence) return ['silent', 1];
  return ['OK', 0];
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
  state.silence = answer.silentAfter * 1000;
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
  // The server's order within each state.
  const rows = answer.devices.map((device) => [device, ...condition(device)]).sort((one, other) => other[2] - one[2]);
  body.replaceChildren(...rows.map(([device, words, rank]) => {
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
    if (device.device === state.device) button.setAttribute('aria-current', 'true');
    cell(words, rank > 1);
    cell(String(device.alerts), device.alerts > 0);
    cell(format(device.latest.temp, 2), isBeyond('temp', device.latest.temp));
    cell(format(device.latest.volts, 2), isBeyond('volts', device.latest.volts));
    cell(device.latest.door === undefined ? '–' : device.latest.door > 0 ? 'open' : 'closed');
    cell(clock(device.last));
    return row;
  }));
}
