// Why the load warmed: the verdict on the present trip, and its evidence, which the chart marks.

import { ask, bounds, byId, state } from './state.js';
import { actions, repaint } from './charts.js';
import { dueAgain } from './route.js';

export async function loadDiagnosis() {
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
  if (!isSame) dueAgain();
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
  repaint();
}

// The evidence that is pointed at, or was clicked, is drawn in the chart.
function mark(kind, button) {
  state[kind] = button;
  for (const other of byId('evidence').querySelectorAll('button')) other.setAttribute('aria-pressed', String(other === state.pinned));
  repaint();
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
    actions.zoom(span[0] - margin, span[1] + margin);
  });
  line.append(button);
  list.append(line);
  return line;
}
