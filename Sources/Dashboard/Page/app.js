// Connects the controls to the modules, and starts them.

import { bounds, byId, spanQuery, state, zoneName } from './state.js';
import { remake, shownSpan } from './charts.js';
import { choose, load, move, setLive, showControls, showFields, showLast, zoomOut } from './view.js';
import { recall, remember } from './address.js';
import { connect, frame } from './live.js';
import { isDue, loadRoute } from './route.js';
import { loadAlerts } from './alerts.js';
import { loadDiagnosis } from './diagnosis.js';
import { loadStages } from './stages.js';
import { refreshDevices } from './devices.js';

byId('windows').addEventListener('click', (event) => {
  if (event.target.dataset.window) showLast(Number(event.target.dataset.window));
});
byId('live').addEventListener('click', () => setLive(!state.live));
byId('zoom-out').addEventListener('click', zoomOut);
for (const id of ['from', 'to']) byId(id).addEventListener('change', showFields);
byId('device').addEventListener('change', (event) => choose(event.target.value));

function showZone() {
  showControls();
  remake();
  loadAlerts().catch(() => {});
  refreshDevices();
}
byId('zone').addEventListener('change', (event) => {
  state.zone = event.target.value;
  remember();
  showZone();
});
byId('local-zone').textContent = `local (${zoneName()})`;

// In the chart: arrows move the window, plus and minus change its length, Escape shows all.
const keys = {
  ArrowLeft: () => move(-0.25, 1), ArrowRight: () => move(0.25, 1), '+': () => move(0, 0.5), '=': () => move(0, 0.5),
  '-': () => move(0, 2), Escape: zoomOut,
};
byId('charts').addEventListener('keydown', (event) => {
  if (!keys[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  keys[event.key]();
});

let resized = 0;
window.addEventListener('resize', () => {
  clearTimeout(resized);
  resized = setTimeout(load, 200);
});
window.addEventListener('popstate', () => {
  const { device, zone } = state;
  recall();
  if (state.device !== device) {
    state.latest = 0;
    state.diagnosis = null;
    loadDiagnosis().catch(() => {});
  }
  if (state.device) byId('device').value = state.device;
  showControls();
  if (state.zone !== zone) showZone();
  load();
});
matchMedia('(prefers-color-scheme: light)').addEventListener('change', remake);

// For the browser's console.
window.view = { state, shownSpan };

recall();
showControls();
connect();
refreshDevices().then(() => {
  load();
  loadDiagnosis().catch(() => {});
});
loadAlerts().catch(() => {});
loadStages().catch(() => {});
setInterval(() => {
  if (document.hidden) return;
  loadStages().catch(() => {});
  loadDiagnosis().catch(() => {});
  refreshDevices();
}, 2000);
setInterval(() => {
  const span = bounds();
  if (!document.hidden && span && isDue()) loadRoute(spanQuery(span)).catch(() => {});
}, 500);
requestAnimationFrame(frame);
