// The route on a map.

import { ask, byId, clock, format, say, signed, state } from './state.js';
import { color } from './charts.js';

let due = 0;

/// The diagnosis is another one: its places belong on the map.
export function dueAgain() {
  due = 0;
}

/// Whether the route is to be loaded again: it follows more slowly than the charts, since it is read as a whole.
export function isDue() {
  if ((due && !state.live) || performance.now() < due) return false;
  due = performance.now() + 5000;
  return true;
}

const map = { leaflet: null, view: null, route: null, isMoved: false, device: null };

// Debian's Leaflet, loaded once positions are there. It draws without tiles: nothing comes from elsewhere.
function loadLeaflet() {
  map.leaflet = map.leaflet || new Promise((resolve, reject) => {
    const style = document.createElement('link');
    style.rel = 'stylesheet';
    style.href = '/leaflet.css';
    const script = document.createElement('script');
    script.src = '/leaflet.js';
    script.addEventListener('load', resolve);
    script.addEventListener('error', () => reject(new Error('The map\'s library is missing: apt-get install libjs-leaflet')));
    document.head.append(style, script);
  });
  return map.leaflet;
}

// The temperature in the middle of the colours: the threshold of the alert rule.
function threshold() {
  const rule = state.limits.find((limit) => limit.measure === 'temp' && limit.condition === 'above');
  return rule ? rule.threshold : -15;
}

// Blue five kelvin below the threshold or colder, red five above it or warmer.
function warmth(celsius) {
  if (celsius === null) return color('quiet');
  const share = Math.max(0, Math.min(1, (celsius - threshold() + 5) / 10));
  return `hsl(${Math.round(210 - 210 * share)} 85% 48%)`;
}

export async function loadRoute(query) {
  const known = state.devices.get(state.device);
  const names = known ? Object.keys(known.latest).map((name) => name.toLowerCase()) : [];
  const isMeasured = names.some((name) => name.startsWith('lat'));
  byId('route').hidden = !isMeasured;
  if (!isMeasured) return;
  const device = state.device;
  byId('route-scale').lastChild.textContent = ` ${signed(threshold() - 5)} °C or colder to ${signed(threshold() + 5)} °C or warmer`;
  const { rows } = await ask(`/api/route?${query}`);
  try {
    await loadLeaflet();
  } catch (error) {
    say(error.message);
    return;
  }
  if (device !== state.device) return;
  if (!map.route) {
    map.view = L.map('map', { attributionControl: false, preferCanvas: true, zoomSnap: 0.25 });
    L.control.scale({ imperial: false }).addTo(map.view);
    map.route = L.layerGroup().addTo(map.view);
    // It shows the whole route until a person moves it.
    for (const event of ['pointerdown', 'wheel']) byId('map').addEventListener(event, () => { map.isMoved = true; }, { passive: true });
  }
  map.route.clearLayers();
  if (!rows.length) return;
  const points = rows.map((row) => [row[1], row[2]]);
  if (map.device !== device) map.isMoved = false;
  map.device = device;
  if (!map.isMoved) map.view.fitBounds(L.latLngBounds(points).pad(0.1), { maxZoom: 16, animate: false });
  for (let index = 1; index < points.length; index += 1) {
    L.polyline([points[index - 1], points[index]], { color: warmth(rows[index][3]), weight: 5, opacity: 0.9 }).addTo(map.route);
  }
  const text = (words) => {
    const element = document.createElement('span');
    element.textContent = words;
    return element;
  };
  const last = rows[rows.length - 1];
  L.circleMarker(points[points.length - 1], { radius: 7, color: color('text'), fillColor: warmth(last[3]), fillOpacity: 1 })
    .bindTooltip(text(`${clock(last[0])}, ${format(last[3], 1)} °C`)).addTo(map.route);
  for (const departure of (state.diagnosis && state.diagnosis.departures) || []) {
    if (!departure.place) continue;
    L.circleMarker([departure.place.latitude, departure.place.longitude], { radius: 11, color: color('mark'), weight: 3, fill: false })
      .bindTooltip(text(`${departure.cause}: up to ${format(departure.peak, 1)} °C (${departure.place.kind})`)).addTo(map.route);
  }
}
