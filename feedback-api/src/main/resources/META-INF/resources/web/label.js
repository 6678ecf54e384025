// The labeling form. State lives in a Ranking; every change renders cards and board anew from it.

import Sortable from '/webjars/sortablejs/modular/sortable.esm.js';
import { request, get, listOf, encode, Problem } from './http.js';
import { h, byId, fill, prose, notice, showProblem, button, when } from './dom.js';
import { Ranking } from './ranking.js';

const project = document.body.dataset.project;
const base = `/projects/${encode(project)}`;
const stage = byId('stage');
const noticePlace = byId('notice');
const LOOK_AGAIN_MILLIS = 15_000;
const RETRY_MILLIS = [1_000, 3_000, 8_000];

let view = null; // the task on screen: {task, rules, lease, revision, ranking, letters, cards, current, started, ...}
let submitting = false;
let lookAgain = 0;
let rankedToday = 0;

// ---------------------------------------------------------------- loading

async function next() {
  clearTimeout(lookAgain);
  setAddress(null);
  stage.setAttribute('aria-busy', 'true');
  try {
    const answer = await request('POST', `${base}/tasks/next`);
    fill(noticePlace);
    if (answer.status === 204 || !answer.body?.task) nothingLeft();
    else show(answer.body);
  } catch (problem) {
    stage.setAttribute('aria-busy', 'false');
    showProblem(noticePlace, problem, button('Try again', next));
  }
}

async function open(taskId) {
  clearTimeout(lookAgain);
  try {
    show(await get(`${base}/tasks/${encode(taskId)}`));
    setAddress(taskId);
    fill(noticePlace, notice('info', 'You are changing a ranking that you have submitted before.',
      button('Leave it as it is', next), button('Take it back', () => retract(view), { class: 'button danger' })));
  } catch (problem) {
    showProblem(noticePlace, problem, button('Go on ranking', next));
  }
}

function setAddress(taskId) {
  const address = new URL(location.href);
  if (taskId) address.searchParams.set('task', taskId);
  else address.searchParams.delete('task');
  history.replaceState(null, '', address);
}

function nothingLeft() {
  view = null;
  stage.setAttribute('aria-busy', 'false');
  document.body.classList.remove('has-task');
  fill(stage, h('div', { class: 'page done' },
    h('img', { src: '/web/icon.svg', alt: '', width: '72', height: '72' }),
    h('h2', { tabindex: '-1' }, 'Nothing left to rank'),
    h('p', {}, rankedToday > 0 ? `Thank you: ${rankedToday} ranked in this sitting. ` : 'Every task here has its rankings. ',
      'This page looks for new tasks by itself.'),
    h('p', { class: 'actions' }, button('Look now', next, { class: 'button primary' }),
      button('My rankings', showMine), h('a', { class: 'button', href: '/' }, 'Other projects'))));
  announce('Nothing left to rank.');
  lookAgain = setTimeout(next, LOOK_AGAIN_MILLIS);
}

// ---------------------------------------------------------------- a task on screen

function show(answer) {
  const { task } = answer;
  const rules = answer.rules ?? task.rules ?? {};
  const ids = task.outputs.map((output) => output.id);
  const own = answer.ranking ?? task.ranking ?? null;
  view = {
    task,
    lease: answer.lease ?? null,
    revision: answer.revision ?? own?.revision ?? 0,
    ranking: new Ranking(ids, rules),
    letters: new Map(ids.map((id, i) => [id, String.fromCharCode(65 + i)])),
    current: 0,
    comment: '',
    attempt: null,
    activeMillis: 0,
    activeSince: document.hidden ? 0 : performance.now(),
  };
  if (own?.groups) {
    view.ranking.restoreGroups(own.groups, own.unacceptable);
    view.comment = own.comment ?? '';
  }
  restoreDraft();
  document.body.classList.add('has-task');
  stage.setAttribute('aria-busy', 'false');
  build();
  render();
  window.scrollTo({ top: 0 });
  focusCard(0, false);
  const said = task.prompt.at(-1)?.content ?? '';
  announce(`New task with ${ids.length} outputs. ${said.slice(0, 300)}`);
}

function build() {
  const { task, ranking } = view;
  view.cards = task.outputs.map((output, i) => card(output, i));
  const columns = task.outputs.length === 3 ? 'three' : task.outputs.length === 2 || task.outputs.length === 4 ? 'two' : 'many';
  fill(stage,
    h('section', { class: 'prompt', 'aria-label': 'Prompt' }, task.prompt.map(message)),
    h('div', { class: 'workspace' },
      h('section', { class: `outputs ${columns}`, id: 'outputs', 'aria-label': 'Outputs' }, view.cards.map((c) => c.element)),
      board()),
    submitBar());
  view.slots.forEach((slot) => makeSortable(slot));
  requestAnimationFrame(() => view?.cards.forEach(foldIfLong));
  if (ranking.topOnly) byId('places-note').textContent = `Only the best ${ranking.places} need a place.`;
}

function message(entry) {
  const names = { user: 'User', assistant: 'Assistant', system: 'Instructions' };
  return h('div', { class: `message ${entry.role}` },
    h('div', { class: 'role' }, names[entry.role] ?? entry.role),
    entry.html !== undefined ? prose(entry.html) : h('div', { class: 'prose plain' }, entry.content));
}

function card(output, index) {
  const letter = view.letters.get(output.id);
  const body = output.html !== undefined ? prose(output.html) : h('div', { class: 'prose plain' }, output.text);
  body.id = `text-${letter}`;
  const places = Array.from({ length: view.ranking.places }, (_, i) =>
    h('button', { type: 'button', class: 'place', 'aria-pressed': 'false', 'aria-label': `Place ${i + 1} for ${letter}`,
      onclick: () => { view.current = index; place(output.id, i + 1); } }, String(i + 1)));
  const unacceptable = h('button', { type: 'button', class: 'button quiet unacceptable', 'aria-pressed': 'false',
    'aria-label': `Output ${letter} is unacceptable`,
    onclick: () => { view.current = index; toggleUnacceptable(output.id); } }, 'Unacceptable');
  const unfold = button('Show all', () => toggleFolds(), { class: 'button unfold', hidden: true });
  const position = h('span', { class: 'position' });
  const element = h('article', { class: 'card', tabindex: index === 0 ? '0' : '-1', 'aria-labelledby': `name-${letter} state-${letter}`,
    data: { id: output.id, letter }, onfocusin: () => setCurrent(index) },
    h('header', {}, h('h2', { class: 'letter', id: `name-${letter}` }, h('span', { class: 'visually-hidden' }, 'Output '), letter), position,
      h('span', { class: 'visually-hidden', id: `state-${letter}` })),
    h('div', { class: 'text' }, body, unfold),
    h('footer', {}, h('div', { class: 'places', role: 'group', 'aria-label': `Place of output ${letter}` }, places), unacceptable));
  return { element, places, unacceptable, position, body, unfold, output, letter };
}

function board() {
  const { ranking } = view;
  view.slots = [];
  const slot = (n, label) => {
    const list = h('ul', { class: 'slot', data: { place: String(n) }, 'aria-label': label });
    view.slots.push(list);
    return list;
  };
  return h('aside', { class: 'board', 'aria-label': 'Your ranking' },
    h('h2', {}, 'Your ranking'),
    h('ol', { class: 'rows' }, Array.from({ length: ranking.places }, (_, i) =>
      h('li', { class: 'row' }, h('span', { class: 'place-number', 'aria-hidden': 'true' }, String(i + 1)), slot(i + 1, `Place ${i + 1}`)))),
    h('div', { class: 'tray' }, h('span', { class: 'muted' }, 'Without a place'), slot(0, 'Without a place')),
    h('p', { class: 'muted small', id: 'places-note' }, ranking.tiesAllowed
      ? 'Best on top. The same place twice is a tie; empty places do not count.'
      : 'Best on top. No ties in this project.'));
}

function submitBar() {
  const comment = h('textarea', { id: 'comment', rows: '2', maxlength: '2000', placeholder: 'Anything the numbers do not say', value: view.comment,
    oninput: (event) => { view.comment = event.target.value; saveDraft(); } });
  const box = h('div', { class: 'comment-box', id: 'comment-box', hidden: !view.comment },
    h('label', { for: 'comment' }, 'Comment'), comment);
  return h('div', { class: 'submit-bar', role: 'region', 'aria-label': 'Submit' }, box,
    h('div', { class: 'submit-row' },
      h('div', { class: 'submit-state' }, h('strong', { id: 'order' }), h('span', { id: 'reason' })),
      h('div', { class: 'actions' },
        button('Undo', undo, { class: 'button quiet', id: 'undo' }),
        button('Comment', openComment, { class: 'button quiet', 'aria-expanded': String(!box.hidden), 'aria-controls': 'comment-box', id: 'comment-toggle' }),
        h('button', { type: 'button', class: 'button primary', id: 'submit', 'aria-describedby': 'reason', onclick: () => submit() }, 'Submit ', h('kbd', { 'aria-hidden': 'true' }, '↵')))));
}

// ---------------------------------------------------------------- rendering the state

function render() {
  const { ranking } = view;
  for (const c of view.cards) {
    const at = ranking.placeOf.get(c.output.id);
    const bad = ranking.unacceptable.has(c.output.id);
    c.places.forEach((b, i) => b.setAttribute('aria-pressed', String(at === i + 1)));
    c.unacceptable.setAttribute('aria-pressed', String(bad));
    c.element.classList.toggle('placed', at !== undefined);
    c.element.classList.toggle('is-unacceptable', bad);
    c.position.textContent = at === undefined ? '' : ordinal(at);
    byId(`state-${c.letter}`).textContent = `${at === undefined ? 'no place yet' : `place ${at}`}${bad ? ', unacceptable' : ''}`;
  }
  for (const slot of view.slots) {
    const n = Number(slot.dataset.place);
    fill(slot, (n === 0 ? ranking.missing() : ranking.in(n)).map(chip));
  }
  byId('order').textContent = orderInLetters();
  byId('reason').textContent = reason();
  byId('submit').setAttribute('aria-disabled', String(!ranking.complete || submitting));
  byId('submit').classList.toggle('ready', ranking.complete);
  byId('undo').setAttribute('aria-disabled', String(ranking.past.length === 0));
}

function chip(id) {
  const index = view.ranking.ids.indexOf(id);
  const c = view.cards[index];
  return h('li', { class: `chip ${view.ranking.unacceptable.has(id) ? 'is-unacceptable' : ''}`, data: { id } },
    h('button', { type: 'button', onclick: () => focusCard(index), 'aria-label': `Go to output ${c.letter}` },
      h('span', { class: 'chip-letter' }, c.letter), h('span', { class: 'chip-text' }, snippet(c.body))));
}

/** The beginning of an output as plain words. */
function snippet(body) {
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  let text = '';
  while (text.length < 60 && walker.nextNode()) text += `${walker.currentNode.data} `;
  return text.replace(/\s+/g, ' ').trim().slice(0, 60);
}

function orderInLetters() {
  return view.ranking.groups().map((group) => group.map((id) => view.letters.get(id)).join(' = ')).join('  >  ');
}

function reason() {
  const { ranking } = view;
  const missing = ranking.missing().map((id) => view.letters.get(id));
  if (ranking.complete) {
    return view.revision > 0 ? 'Ready to submit the change.' : 'Ready to submit.';
  }
  if (ranking.topOnly) {
    const left = ranking.needed - ranking.placeOf.size;
    return `Choose the best ${ranking.needed}: ${left} more ${left === 1 ? 'place' : 'places'} to fill.`;
  }
  const names = missing.length === 1 ? missing[0] : `${missing.slice(0, -1).join(', ')} and ${missing.at(-1)}`;
  return `${names} ${missing.length === 1 ? 'has' : 'have'} no place yet.`;
}

function ordinal(n) {
  return `${n}${n === 1 ? 'st' : n === 2 ? 'nd' : n === 3 ? 'rd' : 'th'}`;
}

function announce(text) {
  byId('live').textContent = '';
  requestAnimationFrame(() => { byId('live').textContent = text; });
}

function foldIfLong(c) {
  const long = c.body.scrollHeight > 520;
  c.element.classList.toggle('folded', long);
  c.unfold.hidden = !long;
}

function toggleFolds() {
  const anyFolded = view.cards.some((c) => c.element.classList.contains('folded'));
  for (const c of view.cards.filter((x) => !x.unfold.hidden)) {
    c.element.classList.toggle('folded', !anyFolded);
    c.unfold.textContent = anyFolded ? 'Show less' : 'Show all';
  }
}

// ---------------------------------------------------------------- acting on the state

function setCurrent(index) {
  view.current = index;
  view.cards.forEach((c, i) => {
    c.element.tabIndex = i === index ? 0 : -1;
    c.element.classList.toggle('current', i === index);
  });
}

function focusCard(index, scroll = true) {
  const count = view.cards.length;
  const wrapped = (index + count) % count;
  setCurrent(wrapped);
  const { element } = view.cards[wrapped];
  element.focus({ preventScroll: true });
  if (scroll) element.scrollIntoView({ block: 'nearest', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
}

function changed() {
  saveDraft();
  render();
}

function place(id, n, { advance = false } = {}) {
  if (n < 1 || n > view.ranking.places) return;
  const { taken, moved } = view.ranking.place(id, n);
  changed();
  const letter = view.letters.get(id);
  const swap = moved === undefined ? '' : `, ${view.letters.get(moved)} gave way`;
  announce(`${taken ? `${letter} has no place` : `${letter} is in place ${n}${swap}`}. ${reason()}`);
  if (!advance || taken) return;
  const from = view.current;
  const count = view.cards.length;
  for (let step = 1; step < count; step++) {
    const candidate = (from + step) % count;
    if (!view.ranking.placeOf.has(view.cards[candidate].output.id)) {
      focusCard(candidate);
      return;
    }
  }
}

function clearPlace(id) {
  if (!view.ranking.clear(id)) return;
  changed();
  announce(`${view.letters.get(id)} has no place. ${reason()}`);
}

function toggleUnacceptable(id) {
  const bad = view.ranking.toggleUnacceptable(id);
  changed();
  announce(`${view.letters.get(id)} is ${bad ? 'unacceptable' : 'acceptable'}.`);
}

function undo() {
  const stateOf = (id) => `${view.ranking.placeOf.get(id)} ${view.ranking.unacceptable.has(id)}`;
  const before = new Map(view.ranking.ids.map((id) => [id, stateOf(id)]));
  if (!view.ranking.undo()) return;
  changed();
  const touched = view.ranking.ids.findIndex((id) => before.get(id) !== stateOf(id));
  if (touched >= 0) focusCard(touched);
  announce(`Undone. ${reason()}`);
}

function openComment() {
  const box = byId('comment-box');
  box.hidden = !box.hidden;
  byId('comment-toggle').setAttribute('aria-expanded', String(!box.hidden));
  if (!box.hidden) byId('comment').focus();
}

function makeSortable(slot) {
  Sortable.create(slot, {
    group: 'ranking',
    animation: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 120,
    draggable: '.chip',
    // Pointer events instead of the browser's own dragging: that does not start on a button in Firefox.
    forceFallback: true,
    fallbackTolerance: 4,
    ghostClass: 'ghost',
    delay: 80,
    delayOnTouchOnly: true,
    onEnd: ({ item, to }) => {
      const { id } = item.dataset;
      const n = Number(to.dataset.place);
      if (n === 0) clearPlace(id);
      else if (view.ranking.placeOf.get(id) !== n) place(id, n);
      render();
    },
  });
}

// ---------------------------------------------------------------- drafts: nothing is lost by a reload or an error

const draftKey = () => `podium.draft.${project}.${view.task.id}`;

function saveDraft() {
  view.attempt = null;
  try {
    localStorage.setItem(draftKey(), JSON.stringify({ ...view.ranking.toJSON(), comment: view.comment, revision: view.revision, savedAt: Date.now() }));
  } catch { /* a full or forbidden store must not stop the work */ }
}

function restoreDraft() {
  try {
    dropOldDrafts();
    const draft = JSON.parse(localStorage.getItem(draftKey()) ?? 'null');
    if (!draft || draft.revision !== view.revision) return;
    view.ranking.restore(draft);
    view.comment = draft.comment ?? '';
  } catch { /* an unreadable draft is no draft */ }
}

function dropDraft() {
  try {
    localStorage.removeItem(draftKey());
  } catch { /* as above */ }
}

function dropOldDrafts() {
  const oldest = Date.now() - 14 * 86_400_000;
  for (const key of Object.keys(localStorage).filter((k) => k.startsWith('podium.draft.'))) {
    if ((JSON.parse(localStorage.getItem(key))?.savedAt ?? 0) < oldest) localStorage.removeItem(key);
  }
}

// ---------------------------------------------------------------- submitting

/** One key per content: a retry of the same ranking is the same act, a changed one is another. */
function attempt() {
  view.attempt ??= {
    key: crypto.randomUUID(),
    body: {
      groups: view.ranking.groups(),
      unacceptable: [...view.ranking.unacceptable],
      ...(view.lease?.id ? { leaseId: view.lease.id } : {}),
      durationMillis: Math.round(activeMillis()),
      ...(view.comment.trim() ? { comment: view.comment.trim() } : {}),
    },
  };
  return view.attempt;
}

async function submit() {
  if (!view || submitting) return;
  if (!view.ranking.complete) {
    announce(reason());
    byId('reason').classList.remove('nudge');
    requestAnimationFrame(() => byId('reason')?.classList.add('nudge'));
    focusCard(view.ranking.ids.indexOf(view.ranking.missing()[0]));
    return;
  }
  submitting = true;
  const submitted = view;
  const { key, body } = attempt();
  const headers = { 'Idempotency-Key': key, ...(submitted.revision > 0 ? { 'If-Match': `"${submitted.revision}"` } : {}) };
  render();
  byId('submit').setAttribute('aria-busy', 'true');
  try {
    await withRetries(() => request('PUT', `${base}/tasks/${encode(submitted.task.id)}/ranking`, { body, headers }));
    dropDraft();
    rankedToday += submitted.revision > 0 ? 0 : 1;
    byId('tally').textContent = rankedToday > 0 ? `${rankedToday} ranked` : '';
    const order = orderInLetters();
    submitting = false;
    toast(`Saved: ${order}`, button('Change it', () => open(submitted.task.id)));
    await next();
  } catch (problem) {
    submitting = false;
    render();
    byId('submit').removeAttribute('aria-busy');
    explain(problem);
  }
}

async function withRetries(call) {
  for (const [i, pause] of [...RETRY_MILLIS, 0].entries()) {
    try {
      return await call();
    } catch (problem) {
      if (!(problem instanceof Problem) || !problem.passing || i === RETRY_MILLIS.length) throw problem;
      fill(noticePlace, notice('info', 'Podium does not answer. Your ranking is kept; trying again…'));
      await new Promise((done) => setTimeout(done, Math.max(pause, Math.min(problem.retryAfterSeconds, 30) * 1000)));
    }
  }
  return undefined;
}

/** Every error says what to do, and the draft stays. */
function explain(problem) {
  const again = button('Try again', () => submit());
  if (problem.code === 'lease_expired') {
    showProblem(noticePlace, problem, button('Take the next task', () => { dropDraft(); next(); }, { class: 'button primary' }));
  } else if (problem.status === 412) {
    const { task } = view;
    fill(noticePlace, notice('bad', 'You have changed this ranking in another tab since you opened it here.',
      button('Show what is stored', () => { dropDraft(); open(task.id); }, { class: 'button primary' }), button('Leave it', next)));
  } else if (problem.status === 404) {
    showProblem(noticePlace, problem, button('Take the next task', next, { class: 'button primary' }));
  } else {
    showProblem(noticePlace, problem, again);
  }
  noticePlace.scrollIntoView({ block: 'nearest' });
}

async function retract(which) {
  try {
    await request('DELETE', `${base}/tasks/${encode(which.task.id)}/ranking`,
      { headers: { 'Idempotency-Key': crypto.randomUUID(), 'If-Match': `"${which.revision}"` } });
    dropDraft();
    toast('Taken back. Your ranking of this task no longer counts.');
    await next();
  } catch (problem) {
    explain(problem);
  }
}

function toast(text, ...actions) {
  document.querySelector('.toast')?.remove();
  const element = h('div', { class: 'toast', role: 'status' }, h('span', {}, text), actions);
  document.body.append(element);
  setTimeout(() => element.remove(), 8_000);
}

// ---------------------------------------------------------------- time spent looking

function activeMillis() {
  return view.activeMillis + (view.activeSince > 0 ? performance.now() - view.activeSince : 0);
}

document.addEventListener('visibilitychange', () => {
  if (!view) return;
  if (document.hidden) {
    view.activeMillis = activeMillis();
    view.activeSince = 0;
  } else {
    view.activeSince = performance.now();
  }
});

// ---------------------------------------------------------------- dialogs

async function showGuidelines() {
  byId('guidelines').showModal();
}

async function showMine() {
  byId('mine').showModal();
  const place = byId('mine-list');
  fill(place, h('p', { class: 'muted' }, 'Loading…'));
  try {
    const rankings = listOf(await get(`${base}/rankings/mine?limit=50`));
    fill(place, rankings.length === 0
      ? h('p', { class: 'empty' }, 'Nothing yet. What you submit appears here.')
      : h('ul', { class: 'mine' }, rankings.map((ranking) => h('li', {},
        h('button', { type: 'button', class: 'mine-entry', onclick: () => { byId('mine').close(); open(ranking.taskId); } },
          h('span', { class: 'mine-text' }, promptOf(ranking)),
          h('span', { class: 'muted' }, `${(ranking.groups ?? []).length} places`, ranking.revision > 1 ? ` · changed ${ranking.revision - 1}×` : '', ' · ', when(ranking.at ?? ranking.submittedAt ?? ranking.updatedAt ?? ranking.createdAt)))))));
  } catch (problem) {
    showProblem(place, problem);
  }
}

function promptOf(ranking) {
  const { prompt } = ranking;
  const text = Array.isArray(prompt) ? prompt.at(-1)?.content : typeof prompt === 'string' ? prompt : ranking.promptText;
  return (text ?? `Task ${ranking.taskId}`).slice(0, 160);
}

async function loadProject() {
  try {
    const about = await get(base);
    byId('project-name').textContent = about.name || project;
    const text = byId('guidelines-text');
    if (about.guidelinesHtml) fill(text, [...prose(about.guidelinesHtml).childNodes]);
    else {
      text.classList.add('plain');
      text.textContent = about.guidelines || 'This project has no guidelines. Rank by what would help the person who asked the most: correct, complete, polite, and no longer than needed.';
    }
  } catch { /* the form works without; next() tells what is wrong */ }
}

// ---------------------------------------------------------------- keys

const keysOn = byId('keys-on');
keysOn.checked = localStorage.getItem('podium.keys') !== 'off';
keysOn.addEventListener('change', () => localStorage.setItem('podium.keys', keysOn.checked ? 'on' : 'off'));

document.addEventListener('keydown', (event) => {
  if (document.querySelector('dialog[open]') || event.defaultPrevented) return;
  if ((event.ctrlKey || event.metaKey) && event.key === 'Enter') {
    event.preventDefault();
    submit();
    return;
  }
  const typing = event.target.closest('input, textarea, select, [contenteditable]');
  if (typing) {
    if (event.key === 'Escape' && view) focusCard(view.current);
    return;
  }
  if (!keysOn.checked || event.ctrlKey || event.metaKey || event.altKey) return;
  if (key(event)) event.preventDefault();
});

/** Returns whether the key meant something here. */
function key(event) {
  const k = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (k === '?') return byId('help').showModal(), true;
  if (k === 'g') return showGuidelines(), true;
  if (!view) return false;
  const { id } = view.cards[view.current].output;
  if (k >= '1' && k <= '9') {
    if (Number(k) > view.ranking.places) announce(`There are only ${view.ranking.places} places.`);
    else place(id, Number(k), { advance: true });
    if (document.activeElement?.closest('.card') !== view.cards[view.current].element) focusCard(view.current);
    return true;
  }
  switch (k) {
    case 'ArrowDown': case 'ArrowRight': case 'j':
      return focusCard(view.current + 1), true;
    case 'ArrowUp': case 'ArrowLeft': case 'k':
      return focusCard(view.current - 1), true;
    case '0': case 'Backspace': case 'Delete':
      return clearPlace(id), true;
    case 'u':
      return toggleUnacceptable(id), true;
    case 'z':
      return undo(), true;
    case 'e':
      return toggleFolds(), true;
    case 'c':
      return openComment(), true;
    case 'Enter':
      // On a button or link Enter means that button or link.
      if (event.target.closest('button, a, summary') || event.repeat) return false;
      return submit(), true;
    default:
      return false;
  }
}

byId('open-help').addEventListener('click', () => byId('help').showModal());
byId('open-guidelines').addEventListener('click', showGuidelines);
byId('open-mine').addEventListener('click', showMine);

loadProject();
const asked = new URL(location.href).searchParams.get('task');
if (asked) open(asked);
else next();
