// The charts: temperature and voltage, the door, and an overview of the whole window in which a zoom is shown.

import { bounds, byId, clock, format, say, signed, state, wholeBounds, zoneName } from './state.js';

let chart = null;
let door = null;
let overview = null;

export const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/// What people do in the charts is reported here.
export const actions = { zoom: () => {}, unzoom: () => {} };

/// The span that the chart shows.
export const shownSpan = () => (chart ? chart.xAxisRange() : null);

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

// The times in which an alert of the device was active. Where several overlap, they are one.
function alertSpans() {
  const device = state.devices.get(state.device);
  const latest = state.latest || (device ? device.last : 0);
  const spans = state.alerts.filter((alert) => alert.device === state.device).map((alert) =>
    [Date.parse(alert.began), alert.ended ? Date.parse(alert.ended) : Math.max(latest, Date.parse(alert.raised))]);
  const joined = [];
  for (const [began, ended] of spans.sort((one, other) => one[0] - other[0])) {
    const before = joined[joined.length - 1];
    if (before && began <= before[1]) before[1] = Math.max(before[1], ended); else joined.push([began, ended]);
  }
  return joined;
}

function shade(canvas, area, graph) {
  for (const [began, ended] of alertSpans()) {
    const left = Math.max(area.x, graph.toDomXCoord(began));
    const right = Math.min(area.x + area.w, graph.toDomXCoord(ended));
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
  const labels = [];
  for (const [axis, value, text] of lines.values()) {
    const y = graph.toDomYCoord(value, axis);
    if (!(y > area.y && y < area.y + area.h)) continue;
    canvas.strokeStyle = canvas.fillStyle = color(axis ? 'volts' : 'bad');
    canvas.globalAlpha = 0.8;
    canvas.beginPath();
    canvas.moveTo(area.x, y);
    canvas.lineTo(area.x + area.w, y);
    canvas.stroke();
    const label = labelPlace(graph, area, y, canvas.measureText(text).width, axis === 1, labels);
    if (!label) continue;
    labels.push(label);
    canvas.fillText(text, label.left, label.bottom - 3);
  }
  canvas.restore();
}

// A box for the label of a limit that crosses no line and no other label: the first free one from one end to the other, above the
// limit or below it; none on a narrow chart without such a place.
function labelPlace(graph, area, y, width, fromRight, labels) {
  const steps = 8;
  const height = 14;
  const places = [];
  for (let step = 0; step <= steps; step += 1) {
    const part = (fromRight ? steps - step : step) / steps;
    const left = area.x + 4 + part * Math.max(0, area.w - 8 - width);
    for (const bottom of [y, y + height]) places.push({ left, right: left + width, top: bottom - height, bottom });
  }
  const meets = (box) => (other) => box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom;
  const isFree = (box) => box.bottom < area.y + area.h && !labels.some(meets(box)) && !isCrossed(graph, box);
  return places.find(isFree);
}

// Whether the temperature's or the voltage's line passes through a box of the chart, in pixels.
function isCrossed(graph, { left, right, top, bottom }) {
  return ['temp', 'volts'].some((name, axis) => state.rows[name].some((row) => {
    const x = graph.toDomXCoord(row[0]);
    return x >= left && x <= right
      && graph.toDomYCoord(row[1], axis) >= top && graph.toDomYCoord(row[3], axis) <= bottom;
  }));
}

// What of the whole window the chart doesn't show is dimmed.
function dim(canvas, area, graph) {
  if (!state.zoom) return;
  const left = Math.max(area.x, graph.toDomXCoord(state.zoom[0]));
  const right = Math.min(area.x + area.w, graph.toDomXCoord(state.zoom[1]));
  canvas.fillStyle = color('mark');
  canvas.globalAlpha = 0.3;
  canvas.fillRect(left, area.y, Math.max(2, right - left), area.h);
  canvas.globalAlpha = 1;
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

/// Draws shades and limits again.
export function repaint() {
  if (chart) chart.updateOptions({});
}

/// Makes the charts again, in other colours or another time zone.
export function remake() {
  for (const each of [chart, door, overview]) if (each) each.destroy();
  chart = null;
  door = null;
  overview = null;
  draw();
}

function drawOverview() {
  const whole = wholeBounds();
  const rows = (state.zoom ? state.whole : state.rows.temp).map((row) => [new Date(row[0]), row[2]]);
  const file = rows.length ? rows : [[new Date(whole[0]), null]];
  if (overview) {
    overview.updateOptions({ file, dateWindow: whole });
    return;
  }
  overview = new Dygraph(byId('overview'), file, {
    labels: ['time', 'Temperature'], colors: [color('temp')], strokeWidth: 1, legend: 'never', rightGap: 58,
    axes: { x: { drawAxis: false, drawGrid: false }, y: { drawAxis: true, drawGrid: false, axisLabelWidth: 46, ticker: () => [] } },
    dateWindow: whole, underlayCallback: dim, highlightCircleSize: 0, interactionModel: Dygraph.defaultInteractionModel,
    zoomCallback: (low, high) => {
      actions.zoom(low, high);
      overview.updateOptions({ dateWindow: wholeBounds() });
    },
  });
  byId('overview').addEventListener('dblclick', () => actions.unzoom());
}

export function draw() {
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
  // The axis has no date where the window is short.
  byId('shown').textContent = `${clock(window[0])} to ${clock(window[1] - 1)}, ${zoneName()}`;
  drawOverview();
  if (chart) {
    chart.updateOptions(options);
    door.updateOptions(doorOptions);
    return;
  }
  const common = {
    gridLineColor: color('grid'), axisLineColor: color('border'), strokeWidth: 1.5, legend: 'never', rightGap: 8,
    highlightCircleSize: 3, interactionModel: Dygraph.defaultInteractionModel, zoomCallback: (low, high) => actions.zoom(low, high),
    highlightCallback: (event, x) => showCursor(x), labelsUTC: state.zone === 'UTC',
  };
  chart = new Dygraph(byId('chart'), rows, {
    ...common, labels: ['time', 'Temperature', 'Voltage', 'Outside'], customBars: true, connectSeparatedPoints: true,
    colors: [color('temp'), color('volts'), color('ambient')],
    series: { Voltage: { axis: 'y2' }, Outside: { strokeWidth: 0.8 } }, ylabel: '', y2label: '',
    axes: {
      y: { valueRange: options.axes.y.valueRange, axisLabelWidth: 46 },
      y2: { valueRange: options.axes.y2.valueRange, axisLabelWidth: 46, independentTicks: true, drawGrid: false },
    },
    dateWindow: window, underlayCallback: shade,
  });
  door = new Dygraph(byId('door'), doorOptions.file, {
    ...common, labels: ['time', 'Door'], stepPlot: true, fillGraph: true, colors: [color('door')], dateWindow: window,
    axes: {
      y: { valueRange: [0, 1.15], axisLabelWidth: 46, ticker: () => [{ v: 0, label: 'closed' }, { v: 1, label: 'open' }] },
      x: { drawAxis: false },
    },
    rightGap: 58,
  });
}

for (const id of ['chart', 'door']) byId(id).addEventListener('dblclick', () => actions.unzoom());
