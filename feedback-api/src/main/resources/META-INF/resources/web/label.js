// The labeling form: which task is on screen, what is done to it, and where it goes.

import { request, get, encode } from './http.js';
import { h, byId, fill, prose, notice, showProblem, button, beforeLogOut } from './dom.js';
import { Ranking } from './ranking.js';
import { Drafts } from './drafts.js';
import { Sending, newKey } from './sending.js';
import { build, render, focusCard, openComment, orderInLetters, reason, layout, setLayout, toggleFolds } from './workspace.js';
import { dress } from './prose-extras.js';
import { remark } from './remarks.js';
import { showOwnWork, showHistory, summary } from './own-work.js';

const { project, person } = document.body.dataset;
const base = `/projects/${encode(project)}`;
const stage = byId('stage');
const noticePlace = byId('notice');
const LOOK_AGAIN_MILLIS = 15_000;
const HOLD_AGAIN_MILLIS = 4 * 60_000;
const AWAY_MILLIS = 15 * 60_000;

let view = null; // the task on screen: {task, rules, lease, revision, ranking, letters, cards, slots, current, picked, comment, ...}
let ready = null; // the answer with the task after this one
let readying = null;
let turn = 0; // counts what was asked for, so that a late answer does not take the place of a newer one
let lookAgain = 0;
let waits = false; // nothing is on screen until what was submitted has been sent
let today = 0;
let lastActive = Date.now();

const drafts = new Drafts(project, person, showDraftState);
const sending = new Sending(person, { wanted, onSent, onRefused, onState: showSending });

// ---------------------------------------------------------------- which task

async function next() {
  clearTimeout(lookAgain);
  waits = false;
  setAddress(null);
  if (readying && !ready) await readying;
  const mine = ++turn;
  const held = ready;
  ready = null;
  if (held && Date.parse(held.lease.expiresAt) > Date.now() + 60_000) {
    show(held);
    return;
  }
  stage.setAttribute('aria-busy', 'true');
  // What was submitted cannot be changed here while the next task is on its way.
  stage.inert = true;
  // What is on its way now may be given once more: the server has not seen it when it chooses.
  const onTheirWay = sending.waiting().map((item) => item.taskId);
  try {
    const answer = await request('POST', `${base}/tasks/next`);
    if (mine !== turn) return;
    if (answer.status === 204 || !answer.body?.task) nothingLeft();
    else if (sending.has(answer.body.task.id)) waitForSending();
    else if (onTheirWay.includes(answer.body.task.id)) await next();
    else show(answer.body);
  } catch (problem) {
    if (mine !== turn) return;
    if (problem.code === 'labeler_paused') {
      emptyStage('Your work in this project is paused', problem.message, button('Try again', next), button('My work', () => showOwnWork(base, open)));
    } else if (sending.waiting(project).length > 0) {
      waitForSending();
    } else {
      emptyStage('The next task did not come', 'What you have done so far is kept.', button('Try again', next, { class: 'button primary' }));
      showProblem(noticePlace, problem);
    }
  }
}

/** Has the task after the one on screen come along with the answer to a ranking: no request of its own asks for it. */
function wanted(item) {
  const onScreen = view && !view.sent ? view : ready;
  if (item.project !== project || !onScreen || (onScreen === view && (ready || readying))) return '';
  return `?next=true&after=${encode(onScreen.task.id)}`;
}

/** Keeps the task that came along; where it is not the one after this one, it is asked for when it is needed. */
function keep(next) {
  if (next?.task && view && !view.sent && !ready && !readying && next.task.id !== view.task.id && !sending.has(next.task.id)) ready = next;
}

/** Asks for the task after this one while this one is being ranked, so that it is there at once. */
function prefetch() {
  if (!view || ready || readying || sending.waiting(project).length > 0) return;
  const mine = turn;
  const after = view.task.id;
  readying = request('POST', `${base}/tasks/next?after=${encode(after)}`).then((answer) => {
    if (mine === turn && answer.body?.task && !sending.has(answer.body.task.id)) ready = answer.body;
  }, () => { /* it is asked for when it is needed */ }).finally(() => { readying = null; });
}

async function open(taskId, instead = null) {
  clearTimeout(lookAgain);
  const mine = ++turn;
  ready = null;
  // The answer has to know what was done on the task: a draft that overtakes it there is taken for sent, and not for newer.
  await drafts.flush();
  if (mine !== turn) return;
  try {
    const answer = await get(`${base}/tasks/${encode(taskId)}`);
    if (mine !== turn) return;
    show(answer, instead);
    setAddress(taskId);
    const counts = answer.ranking !== null && answer.ranking !== undefined;
    if (answer.revision > 0) {
      fill(noticePlace, notice('info', counts ? 'You are changing a ranking that you have submitted before.' : 'You took this ranking back. Submitting it makes it count again.',
        button('History', () => showHistory(base, view, useRevision)), button('Leave it as it is', leave),
        counts && button('Take it back', () => retract(view), { class: 'button danger' })));
    }
  } catch (problem) {
    if (mine !== turn) return;
    // What is on screen may have been sent, and the one after it not have come.
    if (!view || view.sent) emptyStage('The task did not come', 'What you have done so far is kept.');
    showProblem(noticePlace, problem, button('Go on ranking', next));
  }
}

function leave() {
  const { id } = view.task;
  drafts.drop(id).catch(() => { /* it is there when the task is opened again, as on another device */ });
  next();
}

function setAddress(taskId) {
  const address = new URL(location.href);
  if (taskId) address.searchParams.set('task', taskId);
  else address.searchParams.delete('task');
  history.replaceState(null, '', address);
}

function emptyStage(title, text, ...actions) {
  view = null;
  stage.inert = false;
  stage.setAttribute('aria-busy', 'false');
  document.body.classList.remove('has-task');
  fill(stage, h('div', { class: 'page done' },
    h('img', { src: '/web/icon.svg', alt: '', width: '72', height: '72' }),
    h('h2', { tabindex: '-1' }, title), h('p', {}, text), h('p', { class: 'actions' }, actions)));
  announce(title);
}

function nothingLeft() {
  fill(noticePlace);
  emptyStage('Nothing left to rank', `${today > 0 ? `Thank you: ${today} ranked today.` : 'Every task here has its rankings.'} This page looks for new tasks by itself.`,
    button('Look now', next, { class: 'button primary' }), button('My work', () => showOwnWork(base, open)), h('a', { class: 'button', href: '/' }, 'Other projects'));
  lookAgain = setTimeout(next, LOOK_AGAIN_MILLIS);
}

function waitForSending() {
  waits = true;
  emptyStage('Your rankings wait to be sent', 'They are kept in this browser and go out by themselves once Podium answers again. You may close the page and come back to it.',
    button('Try now', () => sending.now(), { class: 'button primary' }));
}

// ---------------------------------------------------------------- a task on screen

function show(answer, instead = null) {
  const { task } = answer;
  const rules = answer.rules ?? {};
  const ids = task.outputs.map((output) => output.id);
  const own = answer.ranking ?? null;
  view = {
    task, rules,
    lease: answer.lease ?? null,
    revision: answer.revision ?? 0,
    ranking: new Ranking(ids, rules),
    letters: new Map(ids.map((id, i) => [id, String.fromCharCode(65 + i)])),
    current: 0,
    picked: null,
    comment: '',
    activeMillis: 0,
    activeSince: document.hidden ? 0 : performance.now(),
  };
  if (own) {
    view.ranking.restoreGroups(own.groups, own.unacceptable, own.ratings);
    view.comment = own.comment ?? '';
  }
  const { draft, unsent, other } = drafts.choose(task.id, view.revision, answer.draft);
  if (draft) restore(draft);
  document.body.classList.add('has-task');
  stage.inert = false;
  stage.setAttribute('aria-busy', 'false');
  fill(noticePlace);
  build(stage, view, act);
  render(view, act);
  if (unsent) drafts.keep(task.id, state());
  if (other ?? instead) offerOther(other ?? instead);
  window.scrollTo({ top: 0 });
  focusCard(view, 0, false);
  onceOnScreen();
  const said = task.prompt.at(-1)?.content ?? '';
  announce(`${view.revision > 0 ? 'Your ranking' : 'New task'} with ${ids.length} outputs. ${said.slice(0, 300)}`);
}

function restore(draft) {
  view.ranking.restore(draft);
  view.comment = draft.comment ?? '';
  view.activeMillis = draft.activeMillis ?? 0;
}

/** Another version of the work exists: it is one undo away. */
function offerOther(other) {
  const now = { ...view.ranking.toJSON() };
  view.ranking.restore(other);
  view.ranking.asOneStep(() => view.ranking.restore(now));
  render(view, act);
  fill(noticePlace, notice('info', 'You went on with this elsewhere; that is shown. Undo brings back what you had here.'));
}

/** After the browser has painted: how long it took, and what can wait for later. */
function onceOnScreen() {
  const shown = view;
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      if (performance.getEntriesByName('podium-submit').length > 0) {
        performance.measure('podium-next-on-screen', 'podium-submit');
        performance.clearMarks('podium-submit');
      }
      if (view !== shown) return;
      dress(stage);
      prefetch();
    };
    channel.port2.postMessage(0);
  });
}

function announce(text) {
  byId('live').textContent = '';
  requestAnimationFrame(() => { byId('live').textContent = text; });
}

// ---------------------------------------------------------------- acting on the state

const letterOf = (id) => view.letters.get(id);

function state() {
  return { revision: view.revision, ...view.ranking.toJSON(), comment: view.comment, activeMillis: Math.round(activeMillis()) };
}

function changed() {
  view.picked = null;
  drafts.keep(view.task.id, state());
  render(view, act);
}

const act = {
  place(id, n, { advance = false } = {}) {
    if (n < 1 || n > view.ranking.places) return;
    const { taken, moved } = view.ranking.place(id, n);
    changed();
    const swap = moved === undefined ? '' : `, ${letterOf(moved)} gave way`;
    announce(`${taken ? `${letterOf(id)} has no place` : `${letterOf(id)} is in place ${n}${swap}`}. ${reason(view)}`);
    if (!advance || taken) return;
    const count = view.cards.length;
    for (let step = 1; step < count; step++) {
      const candidate = (view.current + step) % count;
      if (!view.ranking.placeOf.has(view.cards[candidate].output.id)) {
        focusCard(view, candidate);
        return;
      }
    }
  },
  clear(id) {
    if (!view.ranking.clear(id)) return;
    changed();
    announce(`${letterOf(id)} has no place. ${reason(view)}`);
  },
  rate(id, criterion, value) {
    const given = view.ranking.rate(id, criterion.id, value);
    changed();
    announce(`${criterion.name} of ${letterOf(id)}: ${given === 0 ? 'no rating' : `${given} of ${criterion.steps}`}.`);
  },
  toggleUnacceptable(id) {
    const bad = view.ranking.toggleUnacceptable(id);
    changed();
    announce(`${letterOf(id)} is ${bad ? 'unacceptable' : 'acceptable'}.`);
  },
  /** Picks an output up on the board; a place is chosen next. */
  pick(id) {
    view.picked = id;
    render(view, act);
    announce(id === null ? 'Put back.' : `${letterOf(id)} is picked up. Choose its place; Escape puts it back.`);
  },
  drop(n) {
    const id = view.picked;
    if (n === 0) act.clear(id);
    else act.place(id, n);
    document.querySelector(`[data-focus="${CSS.escape(`chip-${id}`)}"]`)?.focus({ preventScroll: true });
  },
  dragged(id, n) {
    if (n === 0) act.clear(id);
    else if (view.ranking.placeOf.get(id) !== n) act.place(id, n);
    render(view, act);
  },
  undo: () => step('undo', 'Undone'),
  redo: () => step('redo', 'Done again'),
  comment(text) {
    view.comment = text;
    drafts.keep(view.task.id, state());
  },
  submit: () => submit(),
  layout() {
    const wanted = layout() === 'stacked' ? 'side' : 'stacked';
    setLayout(wanted);
    announce(wanted === 'stacked' ? 'One above the other.' : 'Side by side.');
  },
  folds() {
    announce(toggleFolds(view) ? 'Long outputs are shown in full.' : 'Long outputs are folded.');
  },
  async compare() {
    const { compare } = await import('./compare.js');
    compare(view.cards, view.current);
  },
  skip() {
    const { id } = view.task;
    if (view.revision > 0) {
      announce('You have ranked this task; take the ranking back instead.');
      return;
    }
    remark('skip', project, id, () => {
      drafts.forget(id);
      toast('Skipped.', button('Undo', () => request('DELETE', `${base}/tasks/${encode(id)}/skip`)
        .then(() => toast('It may come to you again.'), (problem) => showProblem(noticePlace, problem))));
      next();
    });
  },
  flag() {
    const { id } = view.task;
    remark('flag', project, id, () => toast('Flagged. Thank you.', button('Undo', () => request('DELETE', `${base}/tasks/${encode(id)}/flag`)
      .then(() => toast('The flag is gone.'), (problem) => showProblem(noticePlace, problem)))));
  },
};

function step(way, said) {
  const stateOf = (id) => `${view.ranking.placeOf.get(id)} ${view.ranking.unacceptable.has(id)} ${JSON.stringify(view.ranking.ratings.get(id) ?? {})}`;
  const before = new Map(view.ranking.ids.map((id) => [id, stateOf(id)]));
  if (!view.ranking[way]()) return;
  changed();
  const touched = view.ranking.ids.findIndex((id) => before.get(id) !== stateOf(id));
  if (touched >= 0 && !document.activeElement?.closest('.submit-bar')) focusCard(view, touched);
  announce(`${said}. ${reason(view)}`);
}

function useRevision(revision) {
  view.ranking.asOneStep(() => view.ranking.restoreGroups(revision.groups, revision.unacceptable, revision.ratings));
  view.comment = revision.comment ?? '';
  byId('comment').value = view.comment;
  changed();
  announce(`Revision ${revision.revision} is shown. Submit it to make it count.`);
}

// ---------------------------------------------------------------- submitting

function submit() {
  if (!view || view.sent) return;
  if (!view.ranking.complete) {
    announce(reason(view));
    byId('reason').classList.remove('nudge');
    requestAnimationFrame(() => byId('reason')?.classList.add('nudge'));
    const first = view.ranking.placed ? view.ranking.missingRatings()[0].id : view.ranking.missing()[0];
    focusCard(view, view.ranking.ids.indexOf(first));
    return;
  }
  performance.clearMarks('podium-submit');
  performance.mark('podium-submit');
  const { ranking, task } = view;
  view.sent = true;
  drafts.hold(task.id);
  const ratings = ranking.allRatings();
  sending.add({
    project,
    taskId: task.id,
    revision: view.revision,
    order: orderInLetters(view),
    prompt: (task.prompt.at(-1)?.content ?? '').slice(0, 80),
    state: state(),
    body: {
      groups: ranking.groups(),
      unacceptable: [...ranking.unacceptable],
      ...(view.lease?.id ? { leaseId: view.lease.id } : {}),
      durationMillis: Math.round(activeMillis()),
      ...(view.comment.trim() ? { comment: view.comment.trim() } : {}),
      ...(Object.keys(ratings).length > 0 ? { ratings } : {}),
    },
  });
  if (view.revision === 0) showToday(today + 1);
  next();
}

function onSent(item, answer) {
  if (item.project === project) {
    drafts.forget(item.taskId);
    keep(answer?.next);
  }
  toast(`Saved: ${item.order}`, item.project === project && button('Change it', () => open(item.taskId)));
  if (!view && item.project === project) next();
  else prefetch();
}

/** The server will not take it; what was done stays a draft. It is said until somebody has seen it: the next task is on its way. */
function onRefused(item, problem) {
  const about = item.prompt ? ` (“${item.prompt}${item.prompt.length === 80 ? '…' : ''}”)` : '';
  if (item.revision === 0) showToday(Math.max(0, today - 1));
  const here = item.project === project;
  const actions = [];
  const offer = (label, look) => actions.push(button(label, () => { said.remove(); look(); }, { class: 'button primary' }));
  if (problem.status === 412 && here) {
    offer('Show what is stored', () => open(item.taskId, item.state));
  } else if (problem.status === 422 && here) {
    offer('Open it', () => { drafts.keep(item.taskId, item.state); open(item.taskId); });
  }
  const text = problem.status === 412
    ? 'You have changed this ranking in another tab or on another device since you opened it here.' : problem.message;
  const said = notice('bad', `A ranking was not saved${about}: ${text}`, actions, button('Close', () => {
    said.remove();
    focusOnWork();
  }));
  // What went well before may lie over it.
  document.querySelector('.toast')?.remove();
  byId('refused').append(said);
  if (!view) next();
}

/** To what is to be done next: another notice, else the output in focus, else what stands where tasks do. */
function focusOnWork() {
  const other = byId('refused').querySelector('button');
  if (other) other.focus();
  else if (view) focusCard(view, view.current);
  else stage.querySelector('h2')?.focus();
}

function showSending(count, problem) {
  const place = byId('sending');
  place.hidden = count === 0;
  // By another tab, it may be.
  if (waits && sending.waiting(project).length === 0) next();
  if (count === 0) return;
  const what = `${count} ${count === 1 ? 'ranking waits' : 'rankings wait'} to be sent`;
  const loggedOut = problem?.status === 401 || problem?.code === 'csrf_token';
  const why = loggedOut ? `you are no longer logged in as ${person}`
    : problem?.code === 'labeler_paused' ? 'your work in that project is paused'
    : problem?.status === 403 ? problem.message.replace(/\.$/, '') : 'Podium does not answer';
  fill(place, `${what}: ${why}. `,
    loggedOut ? h('a', { href: '/login', target: '_blank' }, 'Log in') : null,
    button('Try now', () => sending.now(), { class: 'button quiet small' }));
}

function showDraftState(now, taskId) {
  const place = byId('draft-state');
  if (place && view?.task.id === taskId) place.textContent = { saving: '', saved: 'Draft saved', local: 'Draft kept in this browser' }[now];
}

async function retract(which) {
  try {
    await request('DELETE', `${base}/tasks/${encode(which.task.id)}/ranking`,
      { headers: { 'Idempotency-Key': newKey(), 'If-Match': `"${which.revision}"` } });
    drafts.forget(which.task.id);
    toast('Taken back. Your ranking of this task no longer counts.');
    await next();
  } catch (problem) {
    showProblem(noticePlace, problem);
  }
}

function toast(text, ...actions) {
  document.querySelector('.toast')?.remove();
  const element = h('div', { class: 'toast', role: 'status' }, h('span', {}, text), actions);
  document.body.append(element);
  setTimeout(() => element.remove(), 8_000);
}

function showToday(n) {
  today = n;
  byId('tally').textContent = n > 0 ? `${n} today` : '';
}

// ---------------------------------------------------------------- time

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

for (const sign of ['keydown', 'pointerdown', 'wheel']) {
  addEventListener(sign, () => { lastActive = Date.now(); }, { passive: true });
}

/** Keeps the hold on this task and on the next one for as long as somebody works here. */
setInterval(async () => {
  if (!view?.lease || document.hidden || Date.now() - lastActive > AWAY_MILLIS) return;
  const holding = view;
  const extend = async (taskId) => (await request('PUT', `${base}/tasks/${encode(taskId)}/lease`)).body;
  try {
    holding.lease = await extend(holding.task.id);
    if (ready) ready.lease = await extend(ready.task.id);
  } catch { /* a late ranking is taken too, as long as the task has a place */ }
}, HOLD_AGAIN_MILLIS);

// ---------------------------------------------------------------- the page around it

async function loadProject() {
  summary(base).then((s) => showToday(s.sinceRankings + sending.waiting().filter((i) => i.project === project && i.revision === 0).length), () => {});
  try {
    const about = await get(base);
    byId('project-name').textContent = about.name || project;
    const text = byId('guidelines-text');
    if (about.guidelinesHtml) {
      fill(text, [...prose(about.guidelinesHtml).childNodes]);
      dress(text);
    } else {
      text.classList.add('plain');
      text.textContent = about.guidelines || 'This project has no guidelines. Rank by what would help the person who asked the most: correct, complete, polite, and no longer than needed.';
    }
    const criteria = about.rules?.criteria ?? [];
    if (criteria.length > 0) {
      byId('guidelines-criteria').replaceChildren(h('h3', {}, 'Ratings'), h('dl', { class: 'pairs' }, criteria.flatMap((c) => [
        h('dt', {}, c.name), h('dd', {}, `1 to ${c.steps}${c.required ? ', needed' : ''}. ${c.description ?? ''}`)])));
    }
    markUnread(about.guidelines ?? '');
  } catch { /* the form works without; next() tells what is wrong */ }
}

/** New or changed guidelines are marked until they were opened. */
function markUnread(guidelines) {
  const key = `podium.guidelines/${encode(person)}/${encode(project)}`;
  const mark = `${guidelines.length}:${[...guidelines].reduce((hash, c) => (hash * 31 + c.codePointAt(0)) % 1_000_000_007, 7)}`;
  const unread = guidelines !== '' && localStorage.getItem(key) !== mark;
  byId('open-guidelines').classList.toggle('unread', unread);
  byId('guidelines-new').hidden = !unread;
  byId('guidelines').addEventListener('close', () => {
    localStorage.setItem(key, mark);
    byId('open-guidelines').classList.remove('unread');
    byId('guidelines-new').hidden = true;
  });
}

// ---------------------------------------------------------------- keys

const keysOn = byId('keys-on');
keysOn.checked = localStorage.getItem('podium.keys') !== 'off';
keysOn.addEventListener('change', () => localStorage.setItem('podium.keys', keysOn.checked ? 'on' : 'off'));

const theme = byId('theme');
theme.value = localStorage.getItem('podium.theme') ?? '';
theme.addEventListener('change', () => {
  localStorage.setItem('podium.theme', theme.value);
  if (theme.value) document.documentElement.dataset.theme = theme.value;
  else delete document.documentElement.dataset.theme;
});

document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented) return;
  const plain = keysOn.checked && !event.ctrlKey && !event.metaKey && !event.altKey;
  const typing = event.target.closest('input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]');
  const dialog = document.querySelector('dialog[open]');
  if (dialog) {
    // The key that opened it closes it.
    if (plain && !typing && dialog.dataset.key === event.key.toLowerCase()) {
      event.preventDefault();
      dialog.close();
    }
    return;
  }
  if ((event.ctrlKey || event.metaKey) && event.key === 'Enter') {
    event.preventDefault();
    submit();
    return;
  }
  if (typing) {
    if (event.key === 'Escape' && view) focusCard(view, view.current);
    return;
  }
  if (view && (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z') {
    event.preventDefault();
    (event.shiftKey ? act.redo : act.undo)();
    return;
  }
  if (event.key === 'Escape' && view?.picked) act.pick(null);
  else if (plain && key(event)) event.preventDefault();
});

/** Returns whether the key meant something here. */
function key(event) {
  const k = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (k === '?') return byId('help').showModal(), true;
  if (k === 'g') return byId('guidelines').showModal(), true;
  if (k === 'm') return showOwnWork(base, open), true;
  if (!view) return false;
  const { id } = view.cards[view.current].output;
  if (k >= '1' && k <= '9') return digit(Number(k), id, event.target.closest('.rating')), true;
  switch (k) {
    case 'ArrowDown': case 'ArrowRight': case 'j':
      return focusCard(view, view.current + 1), true;
    case 'ArrowUp': case 'ArrowLeft': case 'k':
      return focusCard(view, view.current - 1), true;
    case '0': case 'Backspace': case 'Delete':
      return act.clear(id), true;
    case 'u':
      return act.toggleUnacceptable(id), true;
    case 'z':
      return event.shiftKey ? act.redo() : act.undo(), true;
    case 'y':
      return act.redo(), true;
    case 'e':
      return act.folds(), true;
    case 'l':
      return act.layout(), true;
    case 'd':
      return act.compare(), true;
    case 'r':
      return view.cards[view.current].ratings[0]?.steps[0].focus(), true;
    case 's':
      return act.skip(), true;
    case 'f':
      return act.flag(), true;
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

/** A place; within a rating that rating, and on to the next one of the output, at last back to its card. */
function digit(n, id, rating) {
  if (!rating) {
    if (n > view.ranking.places) announce(`There are only ${view.ranking.places} places.`);
    else act.place(id, n, { advance: true });
    if (document.activeElement?.closest('.card') !== view.cards[view.current].element) focusCard(view, view.current);
    return;
  }
  const { ratings } = view.cards[view.ranking.ids.indexOf(rating.dataset.id)];
  const at = ratings.findIndex((r) => r.criterion.id === rating.dataset.criterion);
  if (n > ratings[at].criterion.steps) {
    announce(`${ratings[at].criterion.name} ends at ${ratings[at].criterion.steps}.`);
    return;
  }
  act.rate(rating.dataset.id, ratings[at].criterion, n);
  if (ratings[at + 1]) ratings[at + 1].steps[0].focus();
  else focusCard(view, view.current);
}

byId('open-help').addEventListener('click', () => byId('help').showModal());
byId('open-guidelines').addEventListener('click', () => byId('guidelines').showModal());
byId('open-mine').addEventListener('click', () => showOwnWork(base, open));
beforeLogOut.push(() => drafts.flush(), () => sending.now());

loadProject();
sending.now();
const asked = new URL(location.href).searchParams.get('task');
if (asked) open(asked);
else next();
