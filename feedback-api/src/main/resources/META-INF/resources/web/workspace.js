// One task on screen: its cards, the board, the bar. Built once per task, then rendered from the ranking's state.

import Sortable from '/webjars/sortablejs/modular/sortable.esm.js';
import { h, byId, fill, prose, button } from './dom.js';

const FOLD_PIXELS = 520;
const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** @param act what the controls call: place, clear, rate, toggleUnacceptable, undo, redo, comment, submit, skip, ... */
export function build(stage, view, act) {
  const { task, ranking } = view;
  view.cards = task.outputs.map((output, i) => card(view, act, output, i));
  const count = task.outputs.length;
  const columns = count === 3 ? 'three' : count === 2 || count === 4 ? 'two' : 'many';
  const prompt = h('section', { class: 'prompt', 'aria-label': 'Prompt' }, task.prompt.map(message));
  fill(stage, prompt, tools(act),
    h('div', { class: 'workspace' },
      h('section', { class: `outputs ${columns}`, id: 'outputs', 'aria-label': 'Outputs' }, view.cards.map((c) => c.element)),
      board(view, act)),
    submitBar(view, act));
  view.slots.forEach((slot) => makeSortable(view, act, slot));
  setLayout(layout());
  requestAnimationFrame(() => {
    view.cards.forEach(foldIfLong);
    showFoldState(view);
    // What scrolls can be reached by keys.
    if (prompt.scrollHeight > prompt.clientHeight + 1) prompt.tabIndex = 0;
  });
  if (ranking.topOnly) byId('places-note').textContent = `Only the best ${ranking.places} need a place.`;
}

function message(entry) {
  const names = { user: 'User', assistant: 'Assistant', system: 'Instructions' };
  return h('div', { class: `message ${['user', 'assistant', 'system'].includes(entry.role) ? entry.role : ''}` },
    h('div', { class: 'role' }, names[entry.role] ?? entry.role),
    entry.html !== undefined ? prose(entry.html) : h('div', { class: 'prose plain' }, entry.content));
}

function tools(act) {
  const tool = (id, label, key, onclick, more = {}) => h('button', { type: 'button', class: 'button quiet small', id, onclick, ...more }, label, ' ', h('kbd', { 'aria-hidden': 'true' }, key));
  return h('div', { class: 'tools', role: 'group', 'aria-label': 'This task' },
    tool('layout', 'Stacked', 'L', act.layout, { 'aria-pressed': 'false', class: 'button quiet small wide-only' }),
    tool('differences', 'Differences', 'D', act.compare),
    tool('fold-all', 'Show all', 'E', act.folds, { hidden: true }),
    h('span', { class: 'spring' }),
    tool('flag', 'Flag', 'F', act.flag),
    tool('skip', 'Skip', 'S', act.skip));
}

function card(view, act, output, index) {
  const letter = view.letters.get(output.id);
  const body = output.html !== undefined ? prose(output.html) : h('div', { class: 'prose plain' }, output.text);
  body.id = `text-${letter}`;
  const places = Array.from({ length: view.ranking.places }, (_, i) =>
    h('button', { type: 'button', class: 'place', 'aria-pressed': 'false', 'aria-label': `Place ${i + 1} for ${letter}`,
      onclick: () => { view.current = index; act.place(output.id, i + 1); } }, String(i + 1)));
  const unacceptable = h('button', { type: 'button', class: 'button quiet unacceptable', 'aria-pressed': 'false',
    'aria-label': `Unacceptable: output ${letter}`,
    onclick: () => { view.current = index; act.toggleUnacceptable(output.id); } }, 'Unacceptable');
  const unfold = button('Show all', () => act.folds(), { class: 'button small unfold', hidden: true });
  const position = h('span', { class: 'position' });
  const ratings = view.ranking.criteria.map((criterion) => rating(view, act, output, letter, criterion, index));
  const element = h('article', { class: 'card', tabindex: index === 0 ? '0' : '-1', 'aria-labelledby': `name-${letter} state-${letter}`,
    data: { id: output.id, letter }, onfocusin: () => setCurrent(view, index) },
    h('header', {}, h('h2', { class: 'letter', id: `name-${letter}` }, h('span', { class: 'visually-hidden' }, 'Output '), letter), position,
      h('span', { class: 'visually-hidden', id: `state-${letter}` })),
    h('div', { class: 'text' }, body, unfold),
    ratings.length > 0 && h('div', { class: 'ratings' }, ratings.map((r) => r.element)),
    h('footer', {}, h('div', { class: 'places', role: 'group', 'aria-label': `Place of output ${letter}` }, places), unacceptable));
  return { element, places, unacceptable, position, body, unfold, output, letter, ratings };
}

function rating(view, act, output, letter, criterion, index) {
  const steps = Array.from({ length: criterion.steps }, (_, i) => h('button', {
    type: 'button', class: 'step', 'aria-pressed': 'false', 'aria-label': `${criterion.name} of ${letter}: ${i + 1} of ${criterion.steps}`,
    onclick: () => { view.current = index; act.rate(output.id, criterion, i + 1); } }, String(i + 1)));
  const element = h('div', { class: 'rating', role: 'group', 'aria-label': `${criterion.name} of output ${letter}`, data: { id: output.id, criterion: criterion.id } },
    h('span', { class: 'criterion', title: criterion.description || undefined }, criterion.name, criterion.required && h('span', { class: 'needed', title: 'needed' }, ' *')),
    h('span', { class: 'steps' }, steps));
  return { element, steps, criterion };
}

function board(view, act) {
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
      ? 'Best on top. Drag, or click one and then its place. The same place twice is a tie.'
      : 'Best on top. Drag, or click one and then its place. No ties in this project.'));
}

function submitBar(view, act) {
  const comment = h('textarea', { id: 'comment', rows: '2', maxlength: '2000', placeholder: 'Anything the numbers do not say', value: view.comment,
    oninput: (event) => act.comment(event.target.value) });
  const box = h('div', { class: 'comment-box', id: 'comment-box', hidden: !view.comment }, h('label', { for: 'comment' }, 'Comment'), comment);
  const tool = (id, label, onclick, more = {}) => button(label, onclick, { class: 'button quiet', id, ...more });
  return h('div', { class: 'submit-bar', role: 'region', 'aria-label': 'Submit' }, box,
    h('div', { class: 'submit-row' },
      h('div', { class: 'submit-state' }, h('strong', { id: 'order' }), h('span', { id: 'reason' }), h('span', { id: 'draft-state', class: 'small muted' })),
      h('div', { class: 'actions' },
        tool('undo', 'Undo', act.undo), tool('redo', 'Redo', act.redo),
        tool('comment-toggle', 'Comment', () => openComment(), { 'aria-expanded': String(!box.hidden), 'aria-controls': 'comment-box' }),
        h('button', { type: 'button', class: 'button primary', id: 'submit', 'aria-describedby': 'reason', onclick: act.submit }, 'Submit ', h('kbd', { 'aria-hidden': 'true' }, '↵')))));
}

// ---------------------------------------------------------------- rendering the state

export function render(view, act) {
  const { ranking } = view;
  for (const c of view.cards) {
    const at = ranking.placeOf.get(c.output.id);
    const bad = ranking.unacceptable.has(c.output.id);
    c.places.forEach((b, i) => b.setAttribute('aria-pressed', String(at === i + 1)));
    for (const { steps, criterion } of c.ratings) {
      const given = ranking.ratings.get(c.output.id)?.[criterion.id];
      steps.forEach((b, i) => b.setAttribute('aria-pressed', String(given === i + 1)));
    }
    c.unacceptable.setAttribute('aria-pressed', String(bad));
    c.element.classList.toggle('placed', at !== undefined);
    c.element.classList.toggle('is-unacceptable', bad);
    c.position.textContent = at === undefined ? '' : ordinal(at);
    byId(`state-${c.letter}`).textContent = `${at === undefined ? 'no place yet' : `place ${at}`}${bad ? ', unacceptable' : ''}`;
  }
  const focused = document.activeElement?.dataset?.focus;
  for (const slot of view.slots) {
    const n = Number(slot.dataset.place);
    const ids = n === 0 ? ranking.missing() : ranking.in(n);
    fill(slot, ids.map((id) => chip(view, act, id)), view.picked && !ids.includes(view.picked) && target(view, act, n));
  }
  if (focused) document.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  byId('order').textContent = orderInLetters(view);
  byId('reason').textContent = reason(view);
  byId('submit').setAttribute('aria-disabled', String(!ranking.complete));
  byId('submit').classList.toggle('ready', ranking.complete);
  byId('undo').setAttribute('aria-disabled', String(ranking.past.length === 0));
  byId('redo').setAttribute('aria-disabled', String(ranking.future.length === 0));
}

/** Clicked, it is picked up; clicked again, put back. */
function chip(view, act, id) {
  const c = view.cards[view.ranking.ids.indexOf(id)];
  const picked = view.picked === id;
  return h('li', { class: `chip ${view.ranking.unacceptable.has(id) ? 'is-unacceptable' : ''} ${picked ? 'picked' : ''}`, data: { id } },
    h('button', { type: 'button', onclick: () => act.pick(picked ? null : id), 'aria-pressed': String(picked), 'aria-label': `Move output ${c.letter}`, data: { focus: `chip-${id}` } },
      h('span', { class: 'chip-letter' }, c.letter), h('span', { class: 'chip-text' }, snippet(c))));
}

function target(view, act, n) {
  const letter = view.letters.get(view.picked);
  const label = n === 0 ? `Take the place of ${letter} away` : `Put ${letter} in place ${n}`;
  return h('li', { class: 'target' }, h('button', { type: 'button', 'aria-label': label, data: { focus: `target-${n}` },
    onclick: () => act.drop(n) }, n === 0 ? 'no place' : `${letter} here`));
}

/** The beginning of an output as plain words. */
function snippet(c) {
  if (c.snippet === undefined) {
    const walker = document.createTreeWalker(c.body, NodeFilter.SHOW_TEXT);
    let text = '';
    while (text.length < 60 && walker.nextNode()) text += `${walker.currentNode.data} `;
    c.snippet = text.replace(/\s+/g, ' ').trim().slice(0, 60);
  }
  return c.snippet;
}

export function orderInLetters(view) {
  return view.ranking.groups().map((group) => group.map((id) => view.letters.get(id)).join(' = ')).join('  >  ');
}

export function reason(view) {
  const { ranking } = view;
  if (ranking.complete) return view.revision > 0 ? 'Ready to submit the change.' : 'Ready to submit.';
  if (!ranking.placed && ranking.topOnly) {
    const left = ranking.needed - ranking.placeOf.size;
    return `Choose the best ${ranking.needed}: ${left} more ${left === 1 ? 'place' : 'places'} to fill.`;
  }
  if (!ranking.placed) {
    const missing = ranking.missing().map((id) => view.letters.get(id));
    return `${listed(missing)} ${missing.length === 1 ? 'has' : 'have'} no place yet.`;
  }
  const { criterion } = ranking.missingRatings()[0];
  const without = ranking.missingRatings().filter((m) => m.criterion === criterion).map((m) => view.letters.get(m.id));
  return `Rate ${criterion.name} of ${listed(without)}.`;
}

function listed(names) {
  return names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function ordinal(n) {
  return `${n}${n === 1 ? 'st' : n === 2 ? 'nd' : n === 3 ? 'rd' : 'th'}`;
}

// ---------------------------------------------------------------- looking at it

export function setCurrent(view, index) {
  view.current = index;
  view.cards.forEach((c, i) => {
    c.element.tabIndex = i === index ? 0 : -1;
    c.element.classList.toggle('current', i === index);
  });
}

export function focusCard(view, index, scroll = true) {
  const count = view.cards.length;
  const wrapped = (index + count) % count;
  setCurrent(view, wrapped);
  const { element } = view.cards[wrapped];
  element.focus({ preventScroll: true });
  if (scroll) element.scrollIntoView({ block: 'nearest', behavior: calm() ? 'auto' : 'smooth' });
}

export function openComment() {
  const box = byId('comment-box');
  box.hidden = !box.hidden;
  byId('comment-toggle').setAttribute('aria-expanded', String(!box.hidden));
  if (!box.hidden) byId('comment').focus();
}

/** Side by side, or one above the other; remembered. */
export function layout() {
  return localStorage.getItem('podium.layout') === 'stacked' ? 'stacked' : 'side';
}

export function setLayout(wanted) {
  localStorage.setItem('podium.layout', wanted);
  byId('outputs')?.classList.toggle('stacked', wanted === 'stacked');
  byId('layout')?.setAttribute('aria-pressed', String(wanted === 'stacked'));
}

function foldIfLong(c) {
  const long = c.body.scrollHeight > FOLD_PIXELS;
  c.element.classList.toggle('folded', long);
  c.unfold.hidden = !long;
}

/** All long outputs together: comparing half of one with the whole of another helps nobody. */
export function toggleFolds(view) {
  const anyFolded = view.cards.some((c) => c.element.classList.contains('folded'));
  for (const c of view.cards.filter((x) => !x.unfold.hidden)) c.element.classList.toggle('folded', !anyFolded);
  showFoldState(view);
  return anyFolded;
}

function showFoldState(view) {
  const long = view.cards.filter((c) => !c.unfold.hidden);
  const folded = long.some((c) => c.element.classList.contains('folded'));
  long.forEach((c) => { c.unfold.textContent = folded ? 'Show all' : 'Show less'; });
  const all = byId('fold-all');
  if (all) {
    all.hidden = long.length === 0;
    all.firstChild.textContent = folded ? 'Show all' : 'Show less';
  }
}

function makeSortable(view, act, slot) {
  Sortable.create(slot, {
    group: 'ranking',
    animation: calm() ? 0 : 120,
    draggable: '.chip',
    // Pointer events instead of the browser's own dragging: that does not start on a button in Firefox.
    forceFallback: true,
    fallbackTolerance: 4,
    ghostClass: 'ghost',
    delay: 120,
    delayOnTouchOnly: true,
    onEnd: ({ item, to }) => act.dragged(item.dataset.id, Number(to.dataset.place)),
  });
}
