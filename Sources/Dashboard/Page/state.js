// What the page shows, and how it asks the server. All texts from devices are set as text, never as HTML.

export const byId = (id) => document.getElementById(id);
export const measures = ['temp', 'volts', 'door'];

export const state = {
  device: null, devices: new Map(),
  // The last seconds (0: all), or an absolute span; a zoom into it; whether it moves with the readings. Times are milliseconds.
  window: 0, absolute: null, zoom: null, live: true,
  // 'local' or 'UTC'.
  zone: 'local',
  rows: { temp: [], volts: [], door: [], ambient: [] },
  // The temperatures of the whole window, while the chart shows a part of it.
  whole: [],
  // A device that sends nothing for so long is silent.
  silence: 30_000,
  alerts: [], limits: [], latest: 0, wasAhead: false, skew: 0, loading: null,
  dirty: false, diagnosis: null, hovered: null, pinned: null,
};

export const signed = (value) => String(value).replace('-', '−');
export const format = (value, digits) => (value === null || value === undefined ? '–' : signed(value.toFixed(digits)));

/// The server's clock.
export const now = () => Date.now() + state.skew;

export const zoneName = () => (state.zone === 'UTC' ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone);
const zoneOptions = () => (state.zone === 'UTC' ? { timeZone: 'UTC' } : {});
// 2024-10-23 16:59:58, as in the diagnosis, the reports and the store; only the zone is the reader's.
export const clock = (time) => new Date(time).toLocaleString('sv-SE', { dateStyle: 'short', timeStyle: 'medium', ...zoneOptions() });

export function say(text) {
  byId('message').textContent = text;
  byId('message').hidden = !text;
}

export async function ask(path) {
  const response = await fetch(path);
  const body = await response.json();
  if (!response.ok) throw new Error(body.error || response.statusText);
  return body;
}

/// The window without the zoom; null before the first reading.
export function wholeBounds() {
  if (state.absolute) return state.absolute;
  const device = state.devices.get(state.device);
  if (!device) return null;
  // A reading from the future doesn't move the window there.
  const last = state.latest || Math.max(device.first, Math.min(device.last, now()));
  return [state.window ? last - state.window * 1000 : device.first, last + 1];
}

export function bounds() {
  return state.zoom || wholeBounds();
}

/// The parameters of a request for a span of the device's readings.
export function spanQuery([from, to]) {
  return `device=${encodeURIComponent(state.device)}&from=${Math.floor(from)}&to=${Math.ceil(to) + 1}`;
}
