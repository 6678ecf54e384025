// How far the work of a project's labelers can be trusted, and the tasks on which somebody has to decide.

import { get, post, put, request, encode } from './http.js';
import { h, byId, fill, notice, showProblem, button, table, when, number, prose } from './dom.js';
import { watch } from './live.js';

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
    const [quality, reliabilities, cases] = await Promise.all([
      get(`${base}/quality`), get(`${base}/reliabilities`), get(`${base}/adjudication`)]);
    part('agreement', quality, showAgreement);
    part('labelers', [quality.labelers, reliabilities], ([labelers, weights]) => showLabelers(labelers, weights));
    part('cases', cases, showCases);
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
            : button('Pause', () => act(() => put(`${base}/labelers/${encode(l.labelerId)}/pause`, { reason: 'an operator wants to talk to you first' }), `${l.labelerId} is paused.`), { class: 'button quiet small', 'aria-label': `Pause ${l.labelerId}` }),
          weight?.source === 'operator'
            ? button('Weight by estimate', () => act(() => request('DELETE', `${base}/labelers/${encode(l.labelerId)}/reliability`), `The weight of ${l.labelerId} is 1 until the next estimate.`), { class: 'button quiet small' })
            : button('Weight 0', () => act(() => put(`${base}/labelers/${encode(l.labelerId)}/reliability`, { reliability: 0, reason: 'set in the console' }), `The votes of ${l.labelerId} no longer count.`), { class: 'button quiet small', 'aria-label': `Votes of ${l.labelerId} weigh 0` })),
      ];
    }), 'Nobody has ranked yet.'));
}

function showCases(cases) {
  fill(byId('cases'), table('Tasks without a majority', ['Task', 'Answers', 'Why', ''], cases.map((each) => [
    each.prompt.length > 120 ? `${each.prompt.slice(0, 120)}…` : each.prompt,
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
      table('Answers side by side', heads, [
        ...one.outputs.map((output) => [name[output.id], ...one.answers.map((answer) => placeIn(answer.groups, output.id))]),
        ['Whole order', ...one.answers.map((answer) => order(answer.groups))],
        ['Comment', ...one.answers.map((answer) => answer.comment ?? '–')],
      ], ''),
      h('p', {}, `By the project’s aggregation (${one.aggregate.method}): ${order(one.aggregate.groups)}.`,
        one.aggregate.cycles.length > 0 && ` In a circle: ${one.aggregate.cycles.map((c) => c.map((id) => name[id]).join(', ')).join('; ')}.`),
      one.decision && notice('good', `${one.decision.adjudicatorId} has decided: ${order(one.decision.groups)}${one.decision.reason ? ` (${one.decision.reason})` : ''}`),
      one.outputs.map((output) => h('article', { class: 'figure' }, h('div', { class: 'title-row' }, h('h4', {}, name[output.id]), choose(output.id)), prose(output.html))),
      h('label', { for: 'reason' }, 'Why'), reason,
      h('div', { class: 'actions' },
        button('Decide so', () => decide(task, places, reason.value), { class: 'button primary' }),
        one.decision && button('Take the decision back', () => act(() => request('DELETE', `${base}/adjudication/${encode(task)}`), 'The votes count again.')),
        button('Close', () => fill(byId('case')))));
    byId('case').querySelector('h3').focus();
  } catch (problem) {
    showProblem(byId('notice'), problem);
  }
}

function placeIn(groups, id) {
  const at = groups.findIndex((group) => group.includes(id));
  return at < 0 ? 'left out' : String(at + 1);
}

function decide(task, places, reason) {
  if (Object.values(places).some((place) => place === 0)) {
    fill(byId('notice'), notice('bad', 'Give every output a place; equal places are a tie.'));
    byId('notice').scrollIntoView();
    return;
  }
  const groups = [...new Set(Object.values(places))].sort((a, b) => a - b)
    .map((place) => Object.keys(places).filter((id) => places[id] === place));
  act(async () => {
    await put(`${base}/adjudication/${encode(task)}`, { groups, reason });
    fill(byId('case'));
  }, 'Decided; the task’s pairs follow in a moment.');
}

byId('publish').addEventListener('click', () => act(() => post(`${base}/reliabilities`), 'The estimated weights are published; the tasks concerned are summed anew.'));
watch(`${base}/live`, async (parts) => {
  if (parts === null || ['progress', 'statistics', 'audit'].some((part) => parts.includes(part))) await refresh();
}, (away) => fill(byId('connection'), away && notice('bad', 'The connection is lost; figures are as they were. Trying again…')));
