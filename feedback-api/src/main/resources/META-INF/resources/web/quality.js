// How far the work of a project's labelers can be trusted, and the tasks on which somebody has to decide.

import { get, post, put, request, encode } from './http.js';
import { h, byId, fill, notice, showProblem, button, table, when, number, prose } from './dom.js';
import { clicked, look, watch } from './live.js';
import { openForm, field } from './form.js';

const project = document.body.dataset.project;
const base = `/projects/${encode(project)}`;
const shown = {};

const part = (name, value, show) => {
  const now = JSON.stringify(value);
  if (shown[name] === now) return;
  shown[name] = now;
  show(value);
};

async function refresh() {
  try {
    const [quality, reliabilities, cases, gold] = await Promise.all([
      look(`${base}/quality`), look(`${base}/reliabilities`), look(`${base}/adjudication`), look(`${base}/gold`)]);
    await clicked();
    part('agreement', quality, showAgreement);
    part('labelers', [quality.labelers, reliabilities], ([labelers, weights]) => showLabelers(labelers, weights));
    part('cases', cases, showCases);
    part('gold', gold, showGold);
  } catch (problem) {
    showProblem(byId('notice'), problem);
  }
}

async function act(what, done) {
  try {
    await what();
    fill(byId('notice'), notice('good', done));
    await refresh();
  } catch (problem) {
    showProblem(byId('notice'), problem);
  }
}

function showAgreement(quality) {
  const figure = (name, value, of) => h('div', { class: 'figure' },
    h('span', { class: 'value' }, value.value === null ? '–' : number(value.value, 2)),
    h('span', { class: 'name' }, name),
    h('span', { class: 'name' }, value.value === null ? `no ${of} with two answers yet` : `95%: ${number(value.low, 2)} to ${number(value.high, 2)}, ${number(value.n)} ${of}`));
  fill(byId('agreement'),
    figure('Krippendorff’s alpha, ordinal', quality.krippendorffAlpha, 'tasks'),
    figure('Kendall’s tau-b', quality.kendallTauB, 'tasks'),
    figure('Kendall’s W', quality.kendallW, 'tasks'));
}

function showLabelers(labelers, weights) {
  const weightOf = Object.fromEntries(weights.map((w) => [w.labelerId, w]));
  fill(byId('labelers'), table('Labelers',
    ['Labeler', 'Rankings', 'Known answers', 'Weight', 'Estimate', 'Noticed', ''],
    labelers.map((l) => {
      const weight = weightOf[l.labelerId];
      return [
        l.labelerId,
        number(l.rankings),
        l.goldAnswers > 0 ? `${Math.round(l.goldScore * 100)} % of ${l.goldAnswers}` : '–',
        `${number(l.reliability, 2)}${weight?.source === 'operator' ? ' (by hand)' : ''}`,
        weight?.estimate === undefined || weight?.estimate === null ? '–' : `${number(weight.estimate, 2)} from ${number(weight.votes)} votes`,
        [l.paused && h('p', {}, h('strong', {}, 'Paused'), ` by ${l.pausedBy}: ${l.pauseReason}. `, when(l.pausedAt)),
          l.flags.map((flag) => h('p', {}, h('strong', {}, flag.code === 'speeder' ? 'Very quick' : 'Same places'), `: ${flag.detail}`))],
        h('div', { class: 'actions' },
          l.paused
            ? button('Let go on', () => act(() => request('DELETE', `${base}/labelers/${encode(l.labelerId)}/pause`), `${l.labelerId} may go on.`), { class: 'button small', 'aria-label': `Let ${l.labelerId} go on` })
            : button('Pause', () => pause(l.labelerId), { class: 'button quiet small', 'aria-label': `Pause ${l.labelerId}` }),
          button('Weight', () => weigh(l), { class: 'button quiet small', 'aria-label': `Weight of ${l.labelerId}` }),
          weight?.source === 'operator'
            && button('Weight by estimate', () => act(() => request('DELETE', `${base}/labelers/${encode(l.labelerId)}/reliability`), `The weight of ${l.labelerId} is 1 until the next estimate.`), { class: 'button quiet small', 'aria-label': `Weight of ${l.labelerId} by estimate` })),
      ];
    }), 'Nobody has ranked yet.'));
}

function pause(labeler) {
  openForm({
    title: `Pause ${labeler}?`,
    submit: 'Pause',
    content: [field('reason', 'Reason', { required: true, maxlength: 500, value: 'an operator wants to talk to you first' }),
      h('p', { class: 'muted' }, 'They get no more tasks in this project, and are shown the reason. What they have ranked counts on.')],
    async action({ reason }) {
      await put(`${base}/labelers/${encode(labeler)}/pause`, { reason });
      await refresh();
    },
  });
}

function weigh(labeler) {
  openForm({
    title: `What a vote of ${labeler.labelerId} weighs`,
    submit: 'Set',
    content: [field('reliability', 'Weight', { type: 'number', min: 0, max: 10, step: 'any', required: true, value: labeler.reliability, hint: '0: does not count, 1: as usual, 10 at most' }),
      field('reason', 'Reason', { maxlength: 500, placeholder: 'for those who look at it later' }),
      h('p', { class: 'muted' }, 'Estimates leave it alone until you take it back. The tasks concerned are summed anew.')],
    async action({ reliability, reason }) {
      await put(`${base}/labelers/${encode(labeler.labelerId)}/reliability`, { reliability, reason });
      await refresh();
    },
  });
}

function showGold(all) {
  fill(byId('gold'), table('Tasks with a known answer', ['Task', 'Answers', 'Pairs in the known order', 'Set by', ''], all.map((each) => [
    h('div', { class: 'cell-text' }, each.prompt),
    number(each.answers),
    each.answers > 0 ? `${Math.round(100 * each.score)} %` : '–',
    each.addedBy,
    h('div', { class: 'actions' },
      button('Open', () => open(each.taskId), { class: 'button small' }),
      button('Remove', () => act(() => request('DELETE', `${base}/gold/${encode(each.taskId)}`), 'An ordinary task again; answers to it stay counted.'), { class: 'button quiet small' })),
  ]), 'None yet.'));
}

function showCases(cases) {
  fill(byId('cases'), table('Tasks without a majority', ['Task', 'Answers', 'Why', ''], cases.map((each) => [
    h('div', { class: 'cell-text' }, each.prompt.length > 120 ? `${each.prompt.slice(0, 120)}…` : each.prompt),
    number(each.rankings),
    each.cycle ? 'majorities run in a circle' : 'people contradict one another',
    button('Decide', () => open(each.taskId), { class: 'button small' }),
  ]), 'Nothing to decide: wherever all places are taken, the votes give a result.'));
}

async function open(task) {
  try {
    const one = await get(`${base}/adjudication/${encode(task)}`);
    const name = Object.fromEntries(one.outputs.map((output, i) => [output.id, `Output ${i + 1}`]));
    const places = Object.fromEntries(one.outputs.map((output) => [output.id, 0]));
    const order = (groups) => groups.map((group) => group.map((id) => name[id] ?? id).join(' = ')).join(' > ');
    const heads = ['', ...one.answers.map((answer) => answer.labelerId)];
    const reason = h('input', { type: 'text', id: 'reason', maxlength: '1000' });
    const choose = (id) => h('label', {}, h('span', { class: 'visually-hidden' }, `Place of ${name[id]}`),
      h('select', { onchange: (event) => { places[id] = Number(event.target.value); } },
        h('option', { value: '0' }, 'place'),
        one.outputs.map((_, i) => h('option', { value: String(i + 1) }, String(i + 1)))));
    fill(byId('case'),
      h('h3', { tabindex: '-1' }, 'All answers to one task'),
      one.prompt.map((turn) => h('div', { class: 'turn' }, h('p', { class: 'muted' }, turn.id), prose(turn.html))),
      one.answers.length > 0 && table('Answers side by side', heads, [
        ...one.outputs.map((output) => [name[output.id], ...one.answers.map((answer) => placeIn(answer.groups, output.id))]),
        ['Whole order', ...one.answers.map((answer) => order(answer.groups))],
        ['Comment', ...one.answers.map((answer) => answer.comment ?? '–')],
        one.answers.some((answer) => Object.keys(answer.ratings).length > 0)
          && ['Ratings', ...one.answers.map((answer) => one.outputs.filter((output) => answer.ratings[output.id]).map((output) =>
            h('p', {}, `${name[output.id]}: ${Object.entries(answer.ratings[output.id]).map(([criterion, rating]) => `${criterion} ${rating}`).join(', ')}`)))],
        ['Vote weighs', ...one.answers.map((answer) => number(answer.reliability, 2))],
        ['', ...one.answers.map((answer) => button('Take back', () => takeBack(task, answer.labelerId), { class: 'button quiet small', 'aria-label': `Take back the answer of ${answer.labelerId}` }))],
      ].filter(Boolean), ''),
      one.answers.length === 0
        ? h('p', { class: 'empty' }, 'Nobody has ranked this task yet.')
        : h('p', {}, `By the project’s aggregation (${one.aggregate.method}): ${order(one.aggregate.groups)}.`,
        one.aggregate.cycles.length > 0 && ` In a circle: ${one.aggregate.cycles.map((c) => c.map((id) => name[id]).join(', ')).join('; ')}.`),
      one.decision && notice('good', `${one.decision.adjudicatorId} has decided: ${order(one.decision.groups)}${one.decision.reason ? ` (${one.decision.reason})` : ''}`),
      one.outputs.map((output) => h('article', { class: 'figure' }, h('div', { class: 'title-row' }, h('h4', {}, name[output.id]), choose(output.id)), prose(output.html))),
      h('label', { for: 'reason' }, 'Why'), reason,
      h('div', { class: 'actions' },
        button('Decide so', () => decide(task, places, reason.value), { class: 'button primary' }),
        button('Make it a known answer', () => makeGold(task, places)),
        one.decision && button('Take the decision back', () => act(() => request('DELETE', `${base}/adjudication/${encode(task)}`), 'The votes count again.')),
        button('Close', () => fill(byId('case')), { class: 'button quiet' })),
      h('div', { id: 'case-problem' }));
    byId('case').querySelector('h3').focus();
    byId('case').scrollIntoView({ block: 'start' });
  } catch (problem) {
    showProblem(byId('notice'), problem);
  }
}

function placeIn(groups, id) {
  const at = groups.findIndex((group) => group.includes(id));
  return at < 0 ? 'left out' : String(at + 1);
}

/** Groups of ids, best first; nothing, and words that say so, where a place is missing. */
function groupsOf(places) {
  if (Object.values(places).some((place) => place === 0)) {
    fill(byId('case-problem'), notice('bad', 'Give every output a place; equal places are a tie.'));
    return undefined;
  }
  return [...new Set(Object.values(places))].sort((a, b) => a - b)
    .map((place) => Object.keys(places).filter((id) => places[id] === place));
}

async function settle(work, done) {
  try {
    await work();
    fill(byId('case'));
    fill(byId('notice'), notice('good', done));
    byId('notice').scrollIntoView({ block: 'center' });
    await refresh();
  } catch (problem) {
    showProblem(byId('case-problem'), problem);
  }
}

function decide(task, places, reason) {
  const groups = groupsOf(places);
  if (groups) settle(() => put(`${base}/adjudication/${encode(task)}`, { groups, reason }), 'Decided; the task’s pairs follow in a moment.');
}

function makeGold(task, places) {
  const groups = groupsOf(places);
  if (groups) settle(() => put(`${base}/gold/${encode(task)}`, { groups }), 'Known. What people have answered already is measured by it, too.');
}

function takeBack(task, labeler) {
  openForm({
    title: `Take back what ${labeler} said?`,
    submit: 'Take it back',
    danger: true,
    content: h('p', {}, 'Their ranking of this task does not count any more, and its place is free for somebody else.'),
    async action() {
      await request('DELETE', `${base}/tasks/${encode(task)}/ranking?labeler=${encode(labeler)}`, { headers: { 'Idempotency-Key': crypto.randomUUID() } });
      await open(task);
    },
  });
}

byId('find-task').addEventListener('submit', (event) => {
  event.preventDefault();
  open(event.target.elements.task.value.trim());
});
const asked = new URLSearchParams(location.search).get('task');
if (asked) open(asked);
byId('publish').addEventListener('click', () => act(() => post(`${base}/reliabilities`), 'The estimated weights are published; the tasks concerned are summed anew.'));
// What is reckoned from many rankings is some seconds old when a hint comes: look once more when it is new.
const RECKONED_MILLIS = 11_000;
let later;
watch(`${base}/live`, async (parts) => {
  if (parts !== null && !['progress', 'statistics', 'audit'].some((part) => parts.includes(part))) return;
  await refresh();
  clearTimeout(later);
  later = setTimeout(refresh, RECKONED_MILLIS);
}, (away) => fill(byId('connection'), away && notice('bad', 'The connection is lost; figures are as they were. Trying again…')));
