// The alerts of all devices.

import { ask, byId, clock, format, state } from './state.js';
import { repaint } from './charts.js';

const units = { temp: ' °C', volts: ' V', ambient: ' °C' };

/// An open door has no worst value.
const worst = ({ worst, measure }) => (worst === null || measure === 'door' ? '' : `, worst ${format(worst, 2)}${units[measure] ?? ''}`);

export async function loadAlerts() {
  const answer = await ask('/api/alerts');
  state.alerts = answer.alerts;
  const list = byId('alerts');
  if (!answer.alerts.length) {
    const none = document.createElement('li');
    none.textContent = 'No alerts in this store. A run and an import look for them.';
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
      + worst(alert)
      + (alert.acknowledged ? `, acknowledged ${clock(alert.acknowledged)}` : '');
    words.append(title, details);
    item.append(words);
    if (!alert.acknowledged) {
      const button = document.createElement('button');
      button.textContent = 'Acknowledge';
      button.setAttribute('aria-label', `Acknowledge ${alert.title}, ${alert.device}`);
      button.addEventListener('click', async () => {
        await fetch(`/api/alerts/acknowledge?id=${alert.id}`, { method: 'POST', headers: { 'X-Requested-With': 'trucksensor' } });
        loadAlerts();
      });
      item.append(button);
    }
    return item;
  }));
  repaint();
}
