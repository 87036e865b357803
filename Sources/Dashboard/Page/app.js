'use strict';
// All texts from devices are set as text, never as HTML.
const byId = (id) => document.getElementById(id);
const measures = ['temp', 'volts', 'door'];
const state = {
  device: null, devices: new Map(), window: 0, absolute: null, live: true, zoom: null,
  rows: { temp: [], volts: [], door: [], ambient: [] }, alerts: [], limits: [], latest: 0, wasAhead: false, skew: 0, loading: null,
  dirty: false, diagnosis: null, hovered: null, pinned: null,
};
let chart = null;
let door = null;

const signed = (value) => String(value).replace('-', '−');
const format = (value, digits) => (value === null || value === undefined ? '–' : value.toFixed(digits));
// The server's clock.
const now = () => Date.now() + state.skew;
const clock = (time) => new Date(time).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'medium' });

function say(text) {
  byId('message').textContent = text;
  byId('message').hidden = !text;
}

async function ask(path) {
  const response = await fetch(path);
  const body = await response.json();
  if (!response.ok) throw new Error(body.error || response.statusText);
  return body;
}

// --- the window -------------------------------------------------------------------------------------------------

function bounds() {
  if (state.zoom) return state.zoom;
  if (state.absolute) return state.absolute;
  const device = state.devices.get(state.device);
  if (!device) return null;
  // A reading from the future doesn't move the window there.
  const last = state.latest || Math.max(device.first, Math.min(device.last, now()));
  return [state.window ? last - state.window * 1000 : device.first, last + 1];
}

async function load() {
  const window = bounds();
  if (!window || !state.device) return;
  const mine = (state.loading = {});
  const width = Math.max(100, Math.min(1500, Math.round(byId('chart').clientWidth || 800)));
  const query = `device=${encodeURIComponent(state.device)}&from=${Math.floor(window[0])}&to=${Math.ceil(window[1]) + 1}`;
  const stats = loadStats();
  stats.catch(() => {});
  try {
    const known = state.devices.get(state.device);
    const drawn = known && known.latest.ambient !== undefined ? [...measures, 'ambient'] : measures;
    const answers = await Promise.all(drawn.map((name) =>
      ask(`/api/series?${query}&measure=${name}&width=${width}`).catch(() => ({ rows: [] }))));
    if (state.loading !== mine) return;
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

async function loadStats() {
  const window = bounds();
  if (!window || !state.device) return;
  const stats = await ask(
    `/api/stats?device=${encodeURIComponent(state.device)}&from=${Math.floor(window[0])}&to=${Math.ceil(window[1]) + 1}`);
  for (const name of ['average', 'maximum', 'minimum', 'current']) {
    byId(`${name}-temp`).textContent = stats.temp ? `${format(stats.temp[name], 2)} °C` : '–';
    byId(`${name}-volts`).textContent = stats.volts ? `${format(stats.volts[name], 2)} V` : '–';
  }
  byId('door-count').textContent = stats.door ? String(stats.door.openings) : '–';
  say('');
}

// --- the chart --------------------------------------------------------------------------------------------------

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// One row a time; [minimum, average, maximum] for each line, null where a line has nothing at that time.
function table() {
  const times = new Map();
  for (const [index, name] of ['temp', 'volts', 'ambient'].entries()) {
    for (const [time, min, average, max] of state.rows[name]) {
      let row = times.get(time);
      if (!row) times.set(time, (row = [new Date(time), null, null, null]));
      row[index + 1] = [min, average, max];
    }
  }
  return [...times.values()].sort((one, other) => one[0] - other[0]);
}

function shade(canvas, area, graph) {
  for (const alert of state.alerts) {
    if (alert.device !== state.device) continue;
    const end = alert.ended ? Date.parse(alert.ended) : Math.max(state.latest, Date.parse(alert.raised));
    const left = Math.max(area.x, graph.toDomXCoord(Date.parse(alert.began)));
    const right = Math.min(area.x + area.w, graph.toDomXCoord(end));
    if (right <= left) continue;
    canvas.globalAlpha = 0.16;
    canvas.fillStyle = color('bad');
    canvas.fillRect(left, area.y, right - left, area.h);
    canvas.globalAlpha = 1;
  }
  drawLimits(canvas, area, graph);
  const marked = state.hovered || state.pinned;
  if (!marked || !marked.span) return;
  const { span } = marked;
  // At least two pixels wide: a moment is evidence, too.
  const left = Math.round(Math.max(area.x, graph.toDomXCoord(span[0])));
  const right = Math.round(Math.min(area.x + area.w, Math.max(graph.toDomXCoord(span[1]), left + 2)));
  if (right <= left) return;
  canvas.fillStyle = color('mark');
  canvas.globalAlpha = 0.25;
  canvas.fillRect(left, area.y, right - left, area.h);
  canvas.globalAlpha = 1;
  canvas.fillRect(left, area.y, 1, area.h);
  canvas.fillRect(right - 1, area.y, 1, area.h);
}

// The limits of the profile and the thresholds of the alert rules, where the scale has them.
function drawLimits(canvas, area, graph) {
  const lines = new Map();
  const add = (axis, value, text) => {
    const key = `${axis} ${value}`;
    if (!lines.has(key)) lines.set(key, [axis, value, text]);
  };
  for (const limit of state.limits) {
    if (limit.measure === 'temp') add(0, limit.threshold, `alert ${signed(limit.threshold)} °C`);
    if (limit.measure === 'volts') add(1, limit.threshold, `alert ${signed(limit.threshold)} V`);
  }
  for (const limit of (state.diagnosis && state.diagnosis.profile.limits) || []) add(0, limit.celsius, limit.title);
  canvas.save();
  canvas.font = '11px system-ui, "DejaVu Sans", sans-serif';
  canvas.setLineDash([6, 4]);
  for (const [axis, value, text] of lines.values()) {
    const y = graph.toDomYCoord(value, axis);
    if (!(y > area.y && y < area.y + area.h)) continue;
    canvas.strokeStyle = canvas.fillStyle = color(axis ? 'volts' : 'bad');
    canvas.globalAlpha = 0.8;
    canvas.beginPath();
    canvas.moveTo(area.x, y);
    canvas.lineTo(area.x + area.w, y);
    canvas.stroke();
    canvas.textAlign = axis ? 'right' : 'left';
    canvas.fillText(text, axis ? area.x + area.w - 4 : area.x + 4, y - 3);
  }
  canvas.restore();
}

// Its own scale for each line, so that a fall of a tenth of a volt is seen; at least half a unit high.
function range(names, least) {
  let low = Infinity;
  let high = -Infinity;
  for (const row of names.flatMap((name) => state.rows[name])) {
    low = Math.min(low, row[1]);
    high = Math.max(high, row[3]);
  }
  if (low > high) return [0, 1];
  const middle = (low + high) / 2;
  const half = Math.max((high - low) * 0.55, least / 2);
  return [middle - half, middle + half];
}

function showCursor(time) {
  const at = (name) => {
    const rows = state.rows[name];
    let low = 0;
    let high = rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (rows[middle][0] <= time) low = middle; else high = middle - 1;
    }
    return rows[low];
  };
  const span = (row, digits, unit) => {
    if (!row) return '–';
    const text = `${format(row[2], digits)} ${unit}`;
    return row[1] === row[3] ? text : `${text} (${format(row[1], digits)} to ${format(row[3], digits)})`;
  };
  const open = at('door');
  const outside = state.rows.ambient.length ? `   outside ${span(at('ambient'), 1, '°C')}` : '';
  byId('cursor').textContent = `${clock(time)}   ${span(at('temp'), 2, '°C')}   ${span(at('volts'), 2, 'V')}   `
    + (open ? (open[3] > 0 ? 'door open' : 'door closed') : '') + outside;
}

function zoomed(low, high) {
  const window = bounds();
  state.zoom = window && (low > window[0] + 1 || high < window[1] - 1 || state.zoom) ? [low, high] : null;
  state.live = false;
  pressed();
  load();
}

function unzoom() {
  state.zoom = null;
  load();
}

function draw() {
  const rows = table();
  if (!rows.length || typeof Dygraph === 'undefined') {
    if (typeof Dygraph === 'undefined') say('The charting library is missing: apt-get install libjs-dygraphs');
    return;
  }
  const window = bounds();
  const openings = state.rows.door.map((row) => [new Date(row[0]), row[3] > 0 ? 1 : 0]);
  const last = state.rows.temp[state.rows.temp.length - 1];
  if (openings.length && last && last[0] > openings[openings.length - 1][0]) {
    openings.push([new Date(last[0]), openings[openings.length - 1][1]]);
  }
  const options = { file: rows, dateWindow: window, axes: { y: { valueRange: range(['temp', 'ambient'], 0.5) }, y2: { valueRange: range(['volts'], 0.2) } } };
  const doorOptions = { file: openings.length ? openings : [[new Date(window[0]), 0]], dateWindow: window };
  if (chart) {
    chart.updateOptions(options);
    door.updateOptions(doorOptions);
    return;
  }
  const common = {
    gridLineColor: color('grid'), axisLineColor: color('border'), strokeWidth: 1.5, legend: 'never', rightGap: 8,
    highlightCircleSize: 3, interactionModel: Dygraph.defaultInteractionModel, zoomCallback: zoomed,
    highlightCallback: (event, x) => showCursor(x),
  };
  chart = new Dygraph(byId('chart'), rows, {
    ...common, labels: ['time', 'Temperature', 'Voltage', 'Outside'], customBars: true, connectSeparatedPoints: true,
    colors: [color('temp'), color('volts'), color('ambient')],
    series: { Voltage: { axis: 'y2' }, Outside: { strokeWidth: 0.8 } }, ylabel: '', y2label: '',
    axes: {
      y: { valueRange: options.axes.y.valueRange, axisLabelWidth: 46 },
      y2: { valueRange: options.axes.y2.valueRange, axisLabelWidth: 46, independentTicks: true, drawGrid: false },
    },
    dateWindow: window, underlayCallback: shade, showRangeSelector: true, rangeSelectorHeight: 34,
    rangeSelectorPlotStrokeColor: color('temp'), rangeSelectorPlotFillColor: color('temp'), rangeSelectorAlpha: 0.35,
    // showRangeSelector makes dragging pan otherwise.
    interactionModel: Dygraph.defaultInteractionModel,
  });
  door = new Dygraph(byId('door'), doorOptions.file, {
    ...common, labels: ['time', 'Door'], stepPlot: true, fillGraph: true, colors: [color('door')], dateWindow: window,
    axes: {
      y: { valueRange: [0, 1.15], axisLabelWidth: 46, ticker: () => [{ v: 0, label: 'closed' }, { v: 1, label: 'open' }] },
      x: { drawAxis: false },
    },
    rightGap: 58,
  });
  byId('chart').addEventListener('dblclick', unzoom);
  byId('door').addEventListener('dblclick', unzoom);
}

// --- live -------------------------------------------------------------------------------------------------------

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
function frame() {
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
  const device = state.devices.get(state.device);
  if (device && state.latest) byId('connection').title = `last reading ${clock(state.latest)}`;
}

function connect() {
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

// --- the diagnosis ----------------------------------------------------------------------------------------------

async function loadDiagnosis() {
  const device = state.device;
  if (!device) return;
  const found = await ask(`/api/diagnosis?device=${encodeURIComponent(device)}`);
  if (device !== state.device) return;
  const known = !found.pending;
  byId('verdict').hidden = !known;
  if (!known) {
    state.diagnosis = null;
    return;
  }
  const isSame = state.diagnosis !== null && found.verdict === state.diagnosis.verdict;
  if (!isSame) mark('pinned', null);
  state.diagnosis = found;
  showDiagnosis(found, isSame);
}

function showDiagnosis(found, isSame) {
  const percent = (share) => (share === null ? 'not measured' : `${Math.round(share * 100)} %`);
  byId('verdict').className = `panel ${['none', 'defrost'].includes(found.verdict) ? 'sound' : found.verdict === 'not-measured' ? '' : 'fault'}`;
  byId('verdict-cause').textContent = found.verdict;
  byId('verdict-confidence').textContent = `${percent(found.causes.length ? found.causes[0].confidence : null)} sure`;
  byId('verdict-headline').textContent = found.headline;
  const lines = found.causes.slice(1).filter((cause) => cause.confidence >= 0.05)
    .map((cause) => `less likely: ${cause.cause}, ${percent(cause.confidence)}`);
  for (const limit of found.profile.limits) {
    const words = { ok: 'OK', exceeded: `exceeded for ${Math.round(limit.seconds / 60)} min in ${limit.events} event${limit.events === 1 ? '' : 's'}` };
    lines.push(`${limit.title} (${found.profile.name}): ${words[limit.result] || 'not measured well enough to say'}`);
  }
  lines.push(`measured: ${Object.entries(found.coverage).filter(([name]) => name !== 'rows').map(([name, share]) => `${name} ${percent(share)}`).join(', ')}`);
  lines.push(...found.remarks);
  byId('others').replaceChildren(...lines.map((text) => {
    const item = document.createElement('li');
    item.textContent = text;
    return item;
  }));
  if (!isSame) routeDue = 0;
  const top = found.causes[0] || { evidence: [], against: [] };
  showEvidence([...top.evidence.map((item) => [item, '']), ...top.against.map((item) => [item, 'against'])]);
}

// Lines stay where they are and get new words, so that what is pointed at doesn't go away while readings arrive.
function showEvidence(items) {
  const list = byId('evidence');
  while (list.children.length > items.length) {
    forget(list.lastChild.firstChild);
    list.lastChild.remove();
  }
  items.forEach(([item, kind], index) => {
    const line = list.children[index] || evidence(list);
    line.className = kind;
    const button = line.firstChild;
    if (button.textContent !== item.text) button.textContent = item.text;
    button.span = item.from ? [Date.parse(item.from), Date.parse(item.to)] : null;
    button.disabled = !button.span;
    if (button.disabled) forget(button);
  });
  if (chart) chart.updateOptions({});
}

// The evidence that is pointed at, or was clicked, is drawn in the chart.
function mark(kind, button) {
  state[kind] = button;
  for (const other of byId('evidence').querySelectorAll('button')) other.setAttribute('aria-pressed', String(other === state.pinned));
  if (chart) chart.updateOptions({});
}

function forget(button) {
  for (const kind of ['hovered', 'pinned']) if (state[kind] === button) mark(kind, null);
}

function evidence(list) {
  const line = document.createElement('li');
  const button = document.createElement('button');
  for (const event of ['pointerenter', 'focus']) button.addEventListener(event, () => mark('hovered', button));
  for (const event of ['pointerleave', 'blur']) button.addEventListener(event, () => mark('hovered', null));
  button.addEventListener('click', () => {
    mark('pinned', state.pinned === button ? null : button);
    const { span } = button;
    const window = bounds();
    if (!state.pinned || !window || (span[1] > window[0] && span[0] < window[1])) return;
    // Out of sight: shown with as much again on both sides.
    const margin = Math.max(60_000, span[1] - span[0]);
    state.zoom = [span[0] - margin, span[1] + margin];
    state.live = false;
    pressed();
    load();
  });
  line.append(button);
  list.append(line);
  return line;
}

// --- the map ----------------------------------------------------------------------------------------------------

let routeDue = 0;
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

// Blue at −20 °C or colder, red at −10 °C or warmer.
function warmth(celsius) {
  if (celsius === null) return color('quiet');
  const share = Math.max(0, Math.min(1, (celsius + 20) / 10));
  return `hsl(${Math.round(210 - 210 * share)} 85% 48%)`;
}

async function loadRoute(query) {
  const known = state.devices.get(state.device);
  const names = known ? Object.keys(known.latest).map((name) => name.toLowerCase()) : [];
  const isMeasured = names.some((name) => name.startsWith('lat'));
  byId('route').hidden = !isMeasured;
  if (!isMeasured) return;
  const device = state.device;
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

// --- devices, alerts, stages ------------------------------------------------------------------------------------

// Whether a value is at or beyond the threshold of an alert rule.
function isBeyond(measure, value) {
  return state.limits.some((limit) => limit.measure === measure && value !== undefined && value !== null
    && (limit.condition === 'above' ? value >= limit.threshold : value <= limit.threshold));
}

async function refreshDevices() {
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
    state.device = answer.devices.length ? answer.devices[0].device : null;
    state.latest = 0;
    state.wasAhead = false;
    if (state.device) {
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
    cell(String(device.alerts), device.alerts > 0);
    cell(format(device.latest.temp, 2), isBeyond('temp', device.latest.temp));
    cell(format(device.latest.volts, 2), isBeyond('volts', device.latest.volts));
    cell(device.latest.door > 0 ? 'open' : 'closed');
    cell(clock(device.last));
    return row;
  }));
}

function choose(name) {
  state.device = name;
  state.latest = 0;
  state.wasAhead = false;
  state.zoom = null;
  state.diagnosis = null;
  byId('device').value = name;
  window.scrollTo({ top: 0 });
  load();
  loadDiagnosis().catch(() => {});
}

async function loadAlerts() {
  const answer = await ask('/api/alerts');
  state.alerts = answer.alerts;
  const list = byId('alerts');
  if (!answer.alerts.length) {
    const none = document.createElement('li');
    none.textContent = 'None so far.';
    list.replaceChildren(none);
    return;
  }
  list.replaceChildren(...answer.alerts.slice(0, 100).map((alert) => {
    const item = document.createElement('li');
    if (!alert.ended) item.className = 'active';
    const words = document.createElement('div');
    const title = document.createElement('strong');
    title.textContent = `${alert.title} · ${alert.device}`;
    const details = document.createElement('small');
    details.textContent = `since ${clock(alert.began)}` + (alert.ended ? `, until ${clock(alert.ended)}` : ', ongoing')
      + (alert.worst === null ? '' : `, worst ${format(alert.worst, 2)}`)
      + (alert.acknowledged ? `, acknowledged ${clock(alert.acknowledged)}` : '');
    words.append(title, details);
    item.append(words);
    if (!alert.acknowledged) {
      const button = document.createElement('button');
      button.textContent = 'Acknowledge';
      button.addEventListener('click', async () => {
        await fetch(`/api/alerts/acknowledge?id=${alert.id}`, { method: 'POST', headers: { 'X-Requested-With': 'trucksensor' } });
        loadAlerts();
      });
      item.append(button);
    }
    return item;
  }));
  if (chart) chart.updateOptions({});
}

async function loadStages() {
  const status = await ask('/api/rules');
  const list = byId('stages');
  const entries = [];
  const add = (name, text, bad) => {
    const term = document.createElement('dt');
    const value = document.createElement('dd');
    term.textContent = name;
    value.textContent = text;
    if (bad) value.className = 'bad';
    entries.push(term, value);
  };
  if (!status) {
    add('Run', 'not running here');
  } else {
    add('Device', `${status.device}, ${status.connected ? 'connected' : 'not connected'}`, !status.connected);
    add('Messages', `${status.sent} sent, ${status.acknowledged} acknowledged, ${status.dropped} dropped`);
    for (const rule of status.rules) {
      add(`Rule ${rule.name}`, `${rule.matched} matched, ${rule.succeeded} actions done, ${rule.failed} failed${rule.notRunHere ? `, ${rule.notRunHere} not run here` : ''}`);
    }
    add('Last error', status.error || 'none');
    if (status.health && status.health.good) add('Health', 'all readings are stored');
    for (const problem of status.health ? status.health.problems : []) add('Problem', problem.sentence, true);
    const rule = status.rules.find((each) => each.before) || status.rules[0];
    if (rule) {
      byId('rule').textContent = rule.sql;
      byId('before').textContent = rule.before || '';
      byId('after').textContent = rule.after || '';
    }
  }
  if (state.device) {
    const stats = await ask(`/api/stats?device=${encodeURIComponent(state.device)}`);
    const rows = Math.max(0, ...Object.values(stats).map((measure) => measure.count));
    add('Store', `${rows.toLocaleString()} readings of ${state.device}`);
  }
  byId('rule-details').hidden = !status;
  list.replaceChildren(...entries);
}

// --- the controls -----------------------------------------------------------------------------------------------

function pressed() {
  for (const button of byId('windows').children) {
    button.setAttribute('aria-pressed', String(!state.absolute && !state.zoom && Number(button.dataset.window) === state.window));
  }
  byId('live').setAttribute('aria-pressed', String(state.live));
}

byId('windows').addEventListener('click', (event) => {
  if (!event.target.dataset.window) return;
  state.window = Number(event.target.dataset.window);
  state.absolute = null;
  state.zoom = null;
  state.live = true;
  pressed();
  load();
});
byId('live').addEventListener('click', () => {
  state.live = !state.live;
  if (state.live) {
    state.absolute = null;
    state.zoom = null;
  }
  pressed();
  load();
});
for (const id of ['from', 'to']) {
  byId(id).addEventListener('change', () => {
    const from = Date.parse(byId('from').value);
    const to = Date.parse(byId('to').value);
    if (!(from < to)) return;
    state.absolute = [from, to];
    state.zoom = null;
    state.live = false;
    pressed();
    load();
  });
}
byId('device').addEventListener('change', (event) => choose(event.target.value));
let resized = 0;
window.addEventListener('resize', () => {
  clearTimeout(resized);
  resized = setTimeout(load, 200);
});
matchMedia('(prefers-color-scheme: light)').addEventListener('change', () => {
  chart = null;
  door = null;
  draw();
});

connect();
refreshDevices();
loadAlerts().catch(() => {});
loadStages().catch(() => {});
setInterval(() => {
  if (document.hidden) return;
  loadStages().catch(() => {});
  loadDiagnosis().catch(() => {});
  refreshDevices();
}, 2000);
// The route follows more slowly: it is read as a whole.
setInterval(() => {
  const window = bounds();
  if (document.hidden || !window || (routeDue && !state.live) || performance.now() < routeDue) return;
  routeDue = performance.now() + 5000;
  loadRoute(`device=${encodeURIComponent(state.device)}&from=${Math.floor(window[0])}&to=${Math.ceil(window[1]) + 1}`).catch(() => {});
}, 500);
requestAnimationFrame(frame);
