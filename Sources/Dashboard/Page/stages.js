// What the stages of the run before the store report, and the rule with its last message.

import { ask, byId, state } from './state.js';

export async function loadStages() {
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
