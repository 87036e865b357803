// What is shown: which device, window and zoom; loads it, and keeps the address, the buttons and the fields in step.

import { ask, bounds, byId, clock, format, measures, now, say, spanQuery, state, wholeBounds } from './state.js';
import { actions, draw } from './charts.js';
import { fieldTime, fieldValue, remember } from './address.js';
import { loadDiagnosis } from './diagnosis.js';
import { loadRoute } from './route.js';

export async function load() {
  const window = bounds();
  if (!window || !state.device) return;
  const mine = (state.loading = {});
  const width = Math.max(100, Math.min(1500, Math.round(byId('chart').clientWidth || 800)));
  const query = spanQuery(window);
  const stats = loadStats();
  stats.catch(() => {});
  try {
    const known = state.devices.get(state.device);
    const drawn = known && known.latest.ambient !== undefined ? [...measures, 'ambient'] : measures;
    const series = (span, name) => ask(`/api/series?${span}&measure=${name}&width=${width}`).catch(() => ({ rows: [] }));
    const [whole, ...answers] = await Promise.all([
      state.zoom ? series(spanQuery(wholeBounds()), 'temp') : { rows: [] }, ...drawn.map((name) => series(query, name))]);
    if (state.loading !== mine) return;
    state.whole = whole.rows;
    state.rows.ambient = [];
    drawn.forEach((name, index) => { state.rows[name] = answers[index].rows; });
    byId('ambient-legend').hidden = !state.rows.ambient.length;
    draw();
    loadRoute(query).catch(() => {});
    await stats;
  } catch (error) {
    say(error.message);
  }
}

export async function loadStats() {
  const window = bounds();
  if (!window || !state.device) return;
  const stats = await ask(`/api/stats?${spanQuery(window)}`);
  for (const name of ['average', 'maximum', 'minimum', 'current']) {
    byId(`${name}-temp`).textContent = stats.temp ? `${format(stats.temp[name], 2)} °C` : '–';
    byId(`${name}-volts`).textContent = stats.volts ? `${format(stats.volts[name], 2)} V` : '–';
  }
  byId('door-count').textContent = stats.door ? String(stats.door.openings) : '–';
  // A value is the current one only while readings arrive.
  const last = stats.temp || stats.volts;
  const isOld = Boolean(last) && now() - last.time > state.silence;
  const isPart = Boolean(state.zoom || state.absolute);
  byId('current-title').textContent = isPart ? 'At the end of the window' : isOld ? 'Last reading' : 'Current';
  byId('current-time').textContent = last && (isOld || isPart) ? clock(last.time) : '';
  say('');
}

/// Shows in the controls what is shown.
export function showControls() {
  for (const button of byId('windows').children) {
    button.setAttribute('aria-pressed', String(!state.absolute && !state.zoom && Number(button.dataset.window) === state.window));
  }
  byId('live').setAttribute('aria-pressed', String(state.live));
  byId('zone').value = state.zone;
  byId('zoom-out').hidden = !state.zoom;
  const span = state.zoom || state.absolute;
  for (const [index, id] of ['from', 'to'].entries()) {
    if (document.activeElement !== byId(id)) byId(id).value = span ? fieldValue(span[index]) : '';
  }
}

/// Something else is shown from now on.
function changed() {
  showControls();
  remember();
  load();
}

export function zoomTo(low, high) {
  if (!(low < high)) return;
  const whole = wholeBounds();
  state.zoom = whole && (low > whole[0] + 1 || high < whole[1] - 1) ? [low, high] : null;
  if (state.zoom) state.live = false;
  changed();
}

export function zoomOut() {
  state.zoom = null;
  changed();
}

/// Shows the next or the last part of the readings of the same length, or a part of another length around the same middle.
export function move(share, scale) {
  const window = bounds();
  if (!window) return;
  const length = window[1] - window[0];
  const middle = (window[0] + window[1]) / 2 + share * length;
  const half = Math.max(500, (length * scale) / 2);
  const whole = wholeBounds();
  zoomTo(Math.max(whole[0], middle - half), Math.min(whole[1], middle + half));
}

export function choose(name) {
  state.device = name;
  state.latest = 0;
  state.wasAhead = false;
  state.zoom = null;
  state.diagnosis = null;
  byId('device').value = name;
  window.scrollTo({ top: 0 });
  changed();
  loadDiagnosis().catch(() => {});
}

/// The last `seconds`, moving with the readings.
export function showLast(seconds) {
  state.window = seconds;
  state.absolute = null;
  state.zoom = null;
  state.live = true;
  changed();
}

export function setLive(isLive) {
  state.live = isLive;
  if (isLive) {
    state.absolute = null;
    state.zoom = null;
  }
  changed();
}

/// The span of the fields; one that is empty stands for the first or the last reading.
export function showFields() {
  const device = state.devices.get(state.device);
  if (!device) return;
  const [from, to] = [fieldTime(byId('from').value), fieldTime(byId('to').value)];
  if (from === null && to === null) return setLive(true);
  const span = [from === null ? device.first : from, to === null ? device.last + 1 : to];
  if (!(span[0] < span[1])) return say('The window has no length: "From" must be before "to".');
  say('');
  state.absolute = span;
  state.zoom = null;
  state.live = false;
  changed();
}

actions.zoom = zoomTo;
actions.unzoom = zoomOut;
