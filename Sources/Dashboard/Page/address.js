// The page's address has the device, the window and the zoom: it can be sent to others, and the browser's buttons go back.

import { state } from './state.js';

const text = (time) => new Date(time).toISOString();
const time = (value) => (value === null || Number.isNaN(Date.parse(value)) ? null : Date.parse(value));
const span = (value) => {
  const [from, to] = (value || '').split('/').map(time);
  return from < to ? [from, to] : null;
};

/// The value of a time field, in the page's time zone.
export function fieldValue(moment) {
  const shift = state.zone === 'UTC' ? 0 : new Date(moment).getTimezoneOffset() * 60_000;
  return new Date(moment - shift).toISOString().slice(0, 19);
}

/// The time that a field has; null if it is empty.
export function fieldTime(value) {
  return value ? time(state.zone === 'UTC' ? `${value}Z` : value) : null;
}

function address() {
  const parameters = new URLSearchParams();
  if (state.device) parameters.set('device', state.device);
  if (state.absolute) parameters.set('span', state.absolute.map(text).join('/'));
  else if (state.window) parameters.set('last', String(state.window));
  if (state.zoom) parameters.set('zoom', state.zoom.map(text).join('/'));
  if (!state.live && !state.zoom && !state.absolute) parameters.set('live', 'off');
  if (state.zone === 'UTC') parameters.set('zone', 'UTC');
  const query = parameters.toString();
  return query ? `?${query}` : location.pathname;
}

/// Puts what is shown into the address.
export function remember() {
  if (address() !== (location.search || location.pathname)) history.pushState(null, '', address());
}

/// Takes what is shown from the address.
export function recall() {
  const parameters = new URLSearchParams(location.search);
  const last = Number(parameters.get('last'));
  state.device = parameters.get('device') || state.device;
  state.absolute = span(parameters.get('span'));
  state.zoom = span(parameters.get('zoom'));
  state.window = last > 0 && last <= 315_360_000 ? last : 0;
  state.live = parameters.get('live') !== 'off' && !state.zoom && !state.absolute;
  state.zone = parameters.get('zone') === 'UTC' ? 'UTC' : 'local';
}
