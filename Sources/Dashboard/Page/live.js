// Readings, alerts and verdicts as they come.

import { bounds, byId, clock, measures, now, say, state } from './state.js';
import { draw } from './charts.js';
import { load, loadStats } from './view.js';
import { loadAlerts } from './alerts.js';
import { loadDiagnosis } from './diagnosis.js';
import { refreshDevices } from './devices.js';

// Moves the window's end to a reading that arrived. A single one from the future doesn't move it, two in a row do. Returns
// whether the end came back from the future.
function follow(time) {
  const isAhead = time > now() + 1000;
  const { wasAhead } = state;
  state.wasAhead = isAhead;
  if (isAhead && !wasAhead) return false;
  const comesBack = !isAhead && state.latest > now() + 1000;
  state.latest = comesBack ? time : Math.max(state.latest, time);
  return comesBack;
}

// Adds a row in the order of time: readings can arrive late.
function insert(rows, row) {
  let index = rows.length;
  while (index > 0 && rows[index - 1][0] > row[0]) index -= 1;
  if (index > 0 && rows[index - 1][0] === row[0]) rows[index - 1] = row; else rows.splice(index, 0, row);
}

function points(event) {
  const data = JSON.parse(event.data);
  const known = state.devices.get(data.device);
  if (!known) return refreshDevices();
  for (const row of data.rows) known.last = Math.max(known.last, row[0]);
  if (data.device !== state.device) return;
  let comesBack = false;
  for (const row of data.rows) comesBack = follow(row[0]) || comesBack;
  if (!state.live || state.zoom || state.absolute) return;
  if (comesBack) return load();
  for (const row of data.rows) {
    data.measures.forEach((name, index) => {
      const value = row[index + 1];
      const rows = state.rows[name];
      if (rows && value !== null) insert(rows, [row[0], value, value, value, value]);
    });
  }
  state.dirty = true;
}

let statsDue = 0;
export function frame() {
  requestAnimationFrame(frame);
  if (!state.dirty || document.hidden) return;
  state.dirty = false;
  const window = bounds();
  for (const name of measures) {
    const rows = state.rows[name];
    let old = 0;
    while (old < rows.length && rows[old][0] < window[0]) old += 1;
    if (old > 100) rows.splice(0, old - 1);
  }
  // Reduced again by the server once there are more points than a screen shows.
  if (state.rows.temp.length > 4000) load(); else draw();
  const now = performance.now();
  if (now >= statsDue) {
    statsDue = now + 500;
    loadStats().catch((error) => say(error.message));
  }
  if (state.latest) byId('connection').title = `last reading ${clock(state.latest)}`;
}

export function connect() {
  const source = new EventSource('/api/events');
  const shown = byId('connection');
  let wasCut = false;
  source.onopen = () => {
    shown.textContent = 'live';
    shown.className = 'on';
    // What came while the connection was cut may be more than the server keeps.
    if (wasCut) {
      refreshDevices().then(load);
      loadAlerts();
    }
    wasCut = false;
  };
  source.onerror = () => {
    wasCut = true;
    shown.textContent = 'reconnecting';
    shown.className = 'off';
  };
  source.addEventListener('points', points);
  source.addEventListener('alert', () => { loadAlerts(); refreshDevices(); });
  source.addEventListener('verdict', () => { loadDiagnosis().catch(() => {}); });
}
