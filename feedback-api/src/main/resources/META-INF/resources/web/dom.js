// Building pages without a framework: elements from data, never from strings.

import { request } from './http.js';

/** An element; properties starting with `on` are listeners, `data` fills the data set, the rest are attributes. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'data') Object.assign(element.dataset, value);
    else if (name === 'class') element.className = value;
    else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Puts children in place of what is there. On a page, what is unfolded stays so, and a control that is there again keeps the focus. */
export function fill(element, ...children) {
  const page = element.tagName !== 'DIALOG';
  const focused = page && element !== document.activeElement && element.contains(document.activeElement) && nameOf(document.activeElement);
  const unfolded = page ? [...element.querySelectorAll('details')].map((details) => details.open) : [];
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  if (unfolded.includes(true)) element.querySelectorAll('details').forEach((details, i) => { details.open ||= unfolded[i]; });
  if (focused) [...element.querySelectorAll('a, button, summary')].find((control) => nameOf(control) === focused)?.focus({ preventScroll: true });
  return element;
}

/** What a control is known by when all is built anew: its words, and those that its row begins with. */
function nameOf(control) {
  return [control.tagName, control.getAttribute('aria-label') ?? control.textContent, control.closest('tr, .channel')?.querySelector('td, h3')?.textContent].join(' ');
}

/** Text of unknown origin, made inert by the server. The only place where HTML becomes elements. */
export function prose(html, properties = {}) {
  const element = h('div', { ...properties, class: `prose ${properties.class ?? ''}`.trim() });
  const parsed = new DOMParser().parseFromString(`<body>${html ?? ''}</body>`, 'text/html');
  element.append(...parsed.body.childNodes);
  for (const table of element.querySelectorAll('table')) {
    const frame = h('div', { class: 'table-frame', tabindex: '0', role: 'group', 'aria-label': 'Table' });
    table.replaceWith(frame);
    frame.append(table);
  }
  return element;
}

/** What went well or wrong, with what can be done about it. */
export function notice(kind, text, ...actions) {
  return h('div', { class: `notice ${kind}`, role: kind === 'bad' ? 'alert' : 'status' },
    h('p', {}, text), actions.length > 0 && h('div', { class: 'actions' }, actions));
}

export function showProblem(place, problem, ...actions) {
  // The server's own words mostly say what to do; these states need more.
  const remedy = [401, 429, 503].includes(problem.status) && problem.remedy !== problem.message ? ` ${problem.remedy}` : '';
  const logIn = problem.status === 401 && h('a', { class: 'button', href: '/login', target: '_blank' }, 'Log in');
  fill(place, notice('bad', (problem.message || String(problem)) + remedy, logIn, ...actions));
}

export function button(label, onclick, properties = {}) {
  return h('button', { type: 'button', class: 'button', onclick, ...properties }, label);
}

/** "3 minutes ago", with the exact time as a tooltip. */
export function when(instant) {
  if (!instant) return h('span', { class: 'muted' }, '–');
  const date = new Date(typeof instant === 'number' ? instant * 1000 : instant);
  const seconds = (date - Date.now()) / 1000;
  const steps = [['day', 86400], ['hour', 3600], ['minute', 60]];
  const [unit, size] = steps.find(([, s]) => Math.abs(seconds) >= s) ?? ['second', 1];
  const format = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
  const text = Math.abs(seconds) < 10 ? 'just now' : format.format(Math.round(seconds / size), unit);
  return h('time', { datetime: date.toISOString(), title: date.toLocaleString('en-GB') }, text);
}

export function duration(seconds) {
  if (seconds === undefined || seconds === null || !Number.isFinite(seconds) || seconds < 0) return '–';
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

export function number(value, digits = 4) {
  if (value === undefined || value === null || value === '') return '–';
  const n = Number(value);
  if (!Number.isFinite(n)) return String(value);
  if (Number.isInteger(n)) return n.toLocaleString('en');
  if (n !== 0 && Math.abs(n) < 1e-3) return n.toExponential(2);
  return n.toLocaleString('en', { maximumSignificantDigits: digits });
}

export function bytes(n) {
  return n >= 1e9 ? `${(n / 1e9).toFixed(1)} GB` : n >= 1e6 ? `${(n / 1e6).toFixed(1)} MB` : n >= 1e3 ? `${Math.round(n / 1e3)} KB` : `${n} B`;
}

/** A table with a caption for screen readers; an empty one says what to do instead. On a phone its rows are cards, which roles keep a table. */
export function table(caption, heads, rows, empty) {
  if (rows.length === 0) return h('p', { class: 'empty' }, empty);
  return h('div', { class: 'table-frame', tabindex: '0', role: 'group', 'aria-label': caption },
    h('table', { class: 'list', role: 'table' },
      h('caption', { class: 'visually-hidden' }, caption),
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, heads.map((head) => h('th', { scope: 'col', role: 'columnheader' }, head || h('span', { class: 'visually-hidden' }, 'Actions'))))),
      h('tbody', { role: 'rowgroup' }, rows.map((cells) => h('tr', { role: 'row' }, cells.map((cell, i) => h('td', { role: 'cell', data: { head: heads[i] } }, cell ?? '–')))))));
}

/** Links in outputs lead somewhere unknown: say where, and ask. */
function confirmLinks() {
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('.prose a[href]');
    if (!link) return;
    event.preventDefault();
    const target = new URL(link.href);
    const place = target.protocol === 'mailto:' ? target.pathname : target.host;
    const dialog = h('dialog', { class: 'small', 'aria-labelledby': 'leave-title' },
      h('h2', { id: 'leave-title' }, 'Leave Podium?'),
      h('p', {}, 'This link was written by a model or came with imported data. It leads to'),
      h('p', { class: 'address' }, h('strong', {}, place)),
      h('p', { class: 'muted address' }, target.href.slice(0, 400)),
      h('div', { class: 'actions' },
        h('a', { class: 'button', href: target.href, target: '_blank', rel: 'noopener noreferrer nofollow', onclick: () => dialog.close() }, 'Open it in a new tab'),
        button('Stay here', () => dialog.close(), { class: 'button primary' })));
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector('button').focus();
  });
}

/** What has to reach the server while the session still counts: functions that return a promise. */
export const beforeLogOut = [];
const LAST_WORDS_MILLIS = 3_000;

function offerLogOut() {
  byId('log-out')?.addEventListener('click', async () => {
    const enough = new Promise((resolve) => { setTimeout(resolve, LAST_WORDS_MILLIS); });
    await Promise.race([Promise.allSettled(beforeLogOut.map((send) => send())), enough]);
    try {
      await request('POST', '/logout');
      location.assign('/login');
    } catch (problem) {
      if (problem.status === 401) location.assign('/login');
      else showProblem(byId('notice'), problem);
    }
  });
}

function offerPassword() {
  const dialog = byId('account');
  byId('own-password')?.addEventListener('click', () => {
    const word = (name, label, complete) => h('label', {}, label, h('input', { name, type: 'password', required: true, maxlength: '72', autocomplete: complete }));
    const problems = h('div', {});
    const form = h('form', { class: 'page-form', onsubmit: async (event) => {
      event.preventDefault();
      try {
        await request('PUT', '/me/password', { body: { current: form.elements.current.value, password: form.elements.password.value } });
        fill(dialog, h('h2', { id: 'account-title' }, 'Your password is changed'), h('div', { class: 'actions' }, button('Close', () => dialog.close(), { class: 'button primary' })));
      } catch (problem) {
        showProblem(problems, problem);
      }
    } }, word('current', 'Current password', 'current-password'), word('password', 'New password', 'new-password'), problems,
    h('div', { class: 'actions' }, h('button', { class: 'button primary' }, 'Change'), button('Cancel', () => dialog.close(), { class: 'button quiet' })));
    fill(dialog, h('h2', { id: 'account-title' }, 'Change your password'), form);
    dialog.showModal();
  });
}

confirmLinks();
offerLogOut();
offerPassword();
