// One round: state, live curves, settings, what happened.

import { get, post, request, listOf, encode } from './http.js';
import { h, byId, fill, showProblem, notice, button, when, number, duration, table } from './dom.js';
import { openForm, choice } from './form.js';
import { Charts } from './chart.js';
import { clicked, look, watch } from './live.js';

const { project, round: id } = document.body.dataset;
const ENDED = ['SUCCEEDED', 'FAILED', 'CANCELLED'];
const charts = new Charts(byId('charts'));
let events = [];
let adapter = null;

async function refresh(hinted) {
  if (hinted !== null && !hinted.includes('rounds') && !hinted.includes('adapters')) return;
  try {
    // The events after the state: of a round that has ended none is missing.
    const round = await look(`/rounds/${encode(id)}`);
    for (let more = [null]; more.length > 0; events = [...events, ...more]) {
      more = listOf(await look(`/rounds/${encode(id)}/events?after=${events.length}`));
    }
    fill(byId('notice'));
    if (round.state === 'SUCCEEDED' && round.version && round.kind !== 'SAMPLE' && !adapter) {
      adapter = await get(`/projects/${encode(project)}/adapters/${encode(round.version)}`).catch(() => null);
    }
    await clicked();
    showHead(round);
    showCurves(round);
    showDetails(round);
  } catch (problem) {
    showProblem(byId('notice'), problem);
    if (problem.status === 404) fill(byId('round-head'));
  }
}

const TITLES = { SAMPLE: 'Sampling', SFT: 'Supervised fine-tuning', REWARD: 'Reward model', DPO: 'Direct preference optimisation', PPO: 'Proximal policy optimisation' };

function showHead(round) {
  const running = !ENDED.includes(round.state);
  const total = round.totalSteps ?? 0;
  document.title = `${round.kind} ${round.version ?? ''} · Podium`;
  const figure = (name, value) => h('div', { class: 'figure' }, h('span', { class: 'value' }, value), h('span', { class: 'name' }, name));
  fill(byId('round-head'), h('div', { class: 'round-head' },
    h('div', { class: 'title-row' },
      h('h1', {}, `${TITLES[round.kind] ?? round.kind} `, h('span', { class: 'muted' }, round.version ?? '')),
      h('span', { class: `state ${round.state}` }, String(round.state).toLowerCase()),
      h('span', { class: 'actions' }, running && button('Cancel', cancel, { class: 'button danger' }),
        !running && button('Run again', () => runAgain(round), { class: 'button' }),
        round.state === 'SUCCEEDED' && h('a', { class: 'button primary', href: `/console/${encode(project)}#${round.kind === 'SAMPLE' ? 'progress' : 'adapters'}` }, round.kind === 'SAMPLE' ? 'See the tasks' : `Use ${round.version}`))),
    round.error && notice('bad', `${round.error.message ?? ''} (${round.error.code})`),
    round.reason && h('p', { class: 'muted' }, `Why: ${round.reason}`),
    round.rerun && h('p', {}, rerunWords(round.rerun)),
    total > 0 && h('progress', { max: String(total), value: String(round.state === 'SUCCEEDED' ? total : round.step ?? 0), 'aria-label': 'Steps done' }),
    h('div', { class: 'figures' },
      figure('step', total > 0 ? `${round.step ?? 0} / ${total}` : '–'),
      running ? figure('time left', round.etaSeconds > 0 ? duration(round.etaSeconds) : '–') : figure('took', duration((Date.parse(round.endedAt) - Date.parse(round.requestedAt)) / 1000)),
      Object.entries(highlights(round)).map(([name, value]) => figure(name, value)))));
}

const HIGHLIGHTS = [['loss', 'loss'], ['rewards/margins', 'margin'], ['rewards/accuracies', 'accuracy'], ['objective/scores', 'reward'], ['objective/kl', 'KL'],
  ['heldout_accuracy', 'held-out accuracy'], ['reward_before', 'reward before'], ['reward_after', 'reward after'], ['kl', 'KL'], ['eval_accuracy', 'held-out accuracy'], ['accuracy', 'accuracy']];

function highlights(round) {
  const metrics = { ...(events.filter((e) => e.type === 'Progress').at(-1)?.metrics ?? {}), ...(round.metrics ?? {}) };
  return Object.fromEntries(HIGHLIGHTS.filter(([name]) => name in metrics).slice(0, 4).map(([name, label]) => [label, number(metrics[name], 3)]));
}

function showCurves(round) {
  const points = events.filter((event) => event.type === 'Progress' && Object.keys(event.metrics ?? {}).length > 0);
  // After a crash steps are done again: the later value of a step counts.
  const byStep = new Map(points.map((point) => [point.step, point]));
  const sorted = [...byStep.values()].sort((a, b) => a.step - b.step);
  const place = byId('charts');
  if (sorted.length > 0) {
    place.querySelector('.empty')?.remove();
    charts.update(sorted);
  } else if (!place.querySelector('.empty')) {
    place.append(h('p', { class: 'empty' }, ENDED.includes(round.state) ? 'This round has no curves.' : 'Curves appear with the first step. The trainer loads the model first; a round that waits here for minutes has no trainer running.'));
  }
}

let detailsShown = '';

function showDetails(round) {
  const now = JSON.stringify([round, events.length, adapter]);
  if (now === detailsShown) return;
  detailsShown = now;
  const info = round.info ?? {};
  const all = info.allParameters;
  const trainable = info.trainableParameters;
  fill(byId('details'), h('div', { class: 'columns' },
    h('div', { class: 'panel' }, h('h2', {}, 'What it works on'),
      Object.keys(info).length === 0 ? h('p', { class: 'muted' }, 'Known when the trainer has read the data.') : facts(info),
      all > 0 && h('p', { class: 'muted' }, `trainable params: ${number(trainable)} || all params: ${number(all)} || trainable%: ${(100 * trainable / all).toFixed(4)}`)),
    h('div', { class: 'panel' }, h('h2', {}, ENDED.includes(round.state) ? 'Result' : 'Latest step'), facts(round.metrics ?? {})),
    round.config && h('div', { class: 'panel' }, h('h2', {}, 'Settings'), facts(flat(round.config))),
    ...evaluation(round.evaluation ?? {}),
    adapter && h('div', { class: 'panel' }, h('h2', {}, `Adapter ${adapter.version}`), facts({
      'rankings used': adapter.rankingsUsed, 'base model': adapter.baseModel?.name, 'started from': adapter.initialAdapter ?? 'base model',
      'LoRA rank': adapter.lora?.r, files: (adapter.files ?? []).map((f) => f.name).join(', '), 'sha256 of the weights': adapter.files?.find((f) => f.name.endsWith('.safetensors'))?.sha256 })),
    h('div', { class: 'panel' }, h('h2', {}, 'What happened'), history(round))));
}

/** What the result was judged by: the verdict, how often a reward model is right by how sure it is, and whom it agrees with. */
function evaluation({ verdict, reliability = [], byLabeler = [], byGroup = [] }) {
  const share = (value) => number(value, 2);
  const shares = (title, head, rows) => rows.length > 0 && h('div', { class: 'panel' }, h('h2', {}, title),
    table(title, [head, 'Pairs', 'Accuracy'], rows.map((row) => [row.name, number(row.pairs), share(row.accuracy)]), ''));
  return [
    verdict && h('div', { class: 'panel' }, h('h2', {}, 'Verdict'),
      notice(verdict.passed ? 'good' : 'bad', `${verdict.passed ? 'Published' : 'Not published'}: ${verdict.reason}.`)),
    reliability.some((bin) => bin.pairs > 0) && h('div', { class: 'panel' }, h('h2', {}, 'Reliability'),
      table('How often it is right, by how sure it is', ['How sure', 'Pairs', 'Predicted', 'Observed'], reliability.map((bin) => [
        `${bin.from.toFixed(2)} – ${bin.to.toFixed(2)}`, number(bin.pairs), bin.pairs > 0 ? share(bin.predicted) : null, bin.pairs > 0 ? share(bin.observed) : null]), '')),
    shares('Held-out accuracy by labeler', 'Labeler', byLabeler),
    shares('Held-out accuracy by group', 'Group', byGroup),
  ];
}

function facts(map) {
  const entries = Object.entries(map).filter(([, value]) => value !== undefined && value !== null).sort(([a], [b]) => a.localeCompare(b));
  if (entries.length === 0) return h('p', { class: 'muted' }, 'Nothing yet.');
  return h('dl', { class: 'pairs' }, entries.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, typeof value === 'number' ? number(value, 5) : String(value))]));
}

function flat(config, prefix = '') {
  return Object.fromEntries(Object.entries(config).flatMap(([name, value]) =>
    value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.entries(flat(value, `${prefix}${name}.`)) : [[prefix + name, Array.isArray(value) ? [...value].sort().join(', ') : value]]));
}

function history(round) {
  const words = {
    Accepted: (e) => `taken by ${e.trainer}`,
    Started: (e) => (e.resumedFromStep > 0 ? `goes on from step ${e.resumedFromStep}` : `begins, ${e.totalSteps} steps`),
    Checkpointed: (e) => `checkpoint at step ${e.step}`,
    Succeeded: () => 'succeeded',
    Failed: (e) => `failed: ${e.message}`,
    Cancelled: (e) => `cancelled at step ${e.step}`,
  };
  const rows = [...events].filter((e) => words[e.type]).reverse().slice(0, 30).map((e) => [when(e.at), words[e.type](e)]);
  return table('What happened', ['When', 'What'], [...rows, [when(round.requestedAt), `asked for${round.requestedBy ? ` by ${round.requestedBy}` : ''}`]], '');
}

function rerunWords(rerun) {
  const first = h('a', { href: `/console/${encode(project)}/rounds/${encode(rerun.of)}` }, 'an earlier round');
  const same = { true: 'The adapter is the same, byte for byte.', false: 'The adapter is another one.' }[rerun.sameAdapter] ?? '';
  return ['Runs ', first, ` again on ${rerun.sameData ? 'the same data set' : 'the data of then'}. ${same}`];
}

function runAgain(round) {
  const key = crypto.randomUUID();
  openForm({
    title: `Run ${round.kind} ${round.version ?? ''} again?`,
    submit: 'Run it again',
    content: [h('div', { class: 'fields' }, choice('data', 'On', [['SAME', 'the same data, to compare the adapters'], ['NOW', 'the data of now']], 'SAME')),
      h('p', { class: 'muted' }, 'With the same settings and seed, as a new version.')],
    async action(values) {
      const { body } = await request('POST', `/rounds/${encode(id)}/rerun`, { body: { data: values.data }, headers: { 'Idempotency-Key': `${key}-${values.data}` } });
      location.assign(`/console/${encode(project)}/rounds/${encode(body.id)}`);
    },
  });
}

function cancel() {
  openForm({ title: 'Cancel this round?', submit: 'Cancel the round', danger: true, content: h('p', {}, 'What it has trained so far is not published.'),
    action: async () => { await post(`/rounds/${encode(id)}/cancel`); } });
}

watch(`/projects/${encode(project)}/live`, refresh);
