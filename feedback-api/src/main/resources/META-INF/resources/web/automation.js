// What Podium does by itself in a project, the judgement of people between two adapters, and labelers who do not count.

import { get, post, put, request, listOf, encode } from './http.js';
import { h, byId, fill, showProblem, notice, button, table, when, number } from './dom.js';
import { openForm, field, choice, check } from './form.js';
import { look } from './live.js';

const project = document.body.dataset.project;
const base = `/projects/${encode(project)}`;
const here = `/console/${encode(project)}`;
const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;
const shown = {};
let rules = [];
let versions = [];
let pair = {};

/** `on`: the hints of the server after which a part may be another. */
const parts = {
  rules: { path: 'rules', place: 'rules-list', show: showRules, on: ['audit', 'automation', 'statistics'] },
  decisions: { path: 'rules/decisions?limit=20', place: 'decisions-list', show: showDecisions, on: ['automation'] },
  planned: { path: 'rounds/planned?limit=20', place: 'planned-list', show: showPlanned, on: ['audit', 'automation', 'rounds'] },
  exclusions: { path: 'exclusions', place: 'exclusions-list', show: showExclusions, on: ['audit', 'progress'] },
  ab: { path: 'ab', place: 'ab-report', show: showVersions, on: ['adapters', 'statistics'] },
};

/** Looks again at the parts that may have changed; at all of them for `null`. */
export async function refreshAutomation(hinted) {
  const wanted = Object.entries(parts).filter(([, { on }]) => hinted === null || on.some((hint) => hinted.includes(hint)));
  await Promise.all(wanted.map(async ([name, { path, place, show }]) => {
    try {
      const value = listOf(await look(`${base}/${path}`));
      const now = JSON.stringify(value);
      if (shown[name] === now) return;
      shown[name] = now;
      show(value);
    } catch (problem) {
      if (shown[name] === undefined) showProblem(byId(place), problem);
    }
  }));
  if (pair.a && pair.b && wanted.some(([name]) => name === 'ab')) await compare().catch(() => {});
}

// ---------------------------------------------------------------- rules

function showRules(list) {
  rules = list;
  fill(byId('rules-list'), table('Rules', ['Rule', 'State', 'Says', 'Next', 'Set', ''], rules.map((rule) => [
    h('strong', {}, rule.name),
    h('span', { class: `state ${rule.enabled ? 'RUNNING' : ''}` }, rule.enabled ? 'on' : 'off'),
    words(rule.rule),
    next(rule),
    h('span', {}, `by ${rule.setBy}, `, when(rule.setAt)),
    h('span', { class: 'actions' },
      button(rule.enabled ? 'Turn off' : 'Turn on', () => turn(rule), { class: 'button small' }),
      button('Change', () => (rule.rule.ab ? abRule(rule) : roundsRule(rule)), { class: 'button small' }),
      button('Delete', () => remove(rule), { class: 'button quiet small' })),
  ]), 'No rule. Nothing starts or is promoted by itself until you set one.'));
}

function words({ rounds, ab }) {
  if (ab) {
    const then = [ab.onBetter === 'promote' && 'promoted when it is better', ab.onWorse === 'roll_back' && 'rolled back when it is worse'].filter(Boolean);
    return `${ab.candidate} against ${ab.incumbent}: ${then.join(', ') || 'nothing follows'}`;
  }
  const { when: due = {}, chain = [], promote } = rounds;
  const times = [due.newDecidedTasks && `at ${number(due.newDecidedTasks)} new decided tasks`, due.every && `every ${due.every}`, due.cron && `at ${due.cron} (${due.zone ?? 'UTC'})`].filter(Boolean);
  return `${times.join(' or ')}: ${chain.map((step) => step.kind).join(', then ')}${promote ? `, promoted to ${promote.channel}` : ''}`;
}

function next(rule) {
  const wanted = rule.rule.rounds?.when?.newDecidedTasks;
  return h('span', {}, wanted ? `${number(rule.newDecidedTasks ?? 0)} of ${number(wanted)} tasks` : '', wanted && rule.nextAt ? ' or ' : '', rule.nextAt ? when(rule.nextAt) : '', !wanted && !rule.nextAt ? 'when people have judged' : '');
}

async function turn(rule) {
  await put(`${base}/rules/${encode(rule.name)}`, { ...rule.rule, enabled: !rule.enabled }).catch((problem) => showProblem(byId('notice'), problem));
}

function remove(rule) {
  openForm({
    title: `Delete rule ${rule.name}?`,
    submit: 'Delete it',
    danger: true,
    content: h('p', {}, 'Rounds that it has planned go on. What it decided stays in the log.'),
    action: () => request('DELETE', `${base}/rules/${encode(rule.name)}`),
  });
}

const CHAINS = [['REWARD', 'REWARD'], ['DPO', 'DPO'], ['REWARD,DPO', 'REWARD, then DPO'], ['REWARD,PPO', 'REWARD, then PPO']];
const STARTS = [['base', 'the base model'], ['newest', 'the newest adapter'], ['channel:production', 'what production points to']];

/** The choices, with what a rule says now where it is none of them. */
function orNow(choices, now, label = now) {
  return choices.some(([value]) => value === now) ? choices : [...choices, [now, label]];
}

const ruleName = (rule, value) => field('name', 'Name', { required: true, pattern: '[a-z0-9][a-z0-9\\-]{0,62}', value: rule?.name ?? value, readonly: Boolean(rule) });
const orDefault = (rule, value, fallback) => (rule ? value ?? '' : fallback);

/** A new rule for rounds, or another wording of one that is there; what the form does not show stays. */
function roundsRule(rule) {
  const was = rule?.rule.rounds ?? {};
  const kinds = (was.chain ?? []).map((step) => step.kind).join(',');
  const start = (was.chain ?? []).map((step) => step.startFrom).find(Boolean) ?? 'base';
  openForm({
    title: rule ? `Change rule ${rule.name}` : 'Rounds that start by themselves',
    submit: rule ? 'Change the rule' : 'Set the rule',
    content: [h('div', { class: 'fields' },
      ruleName(rule, 'after-enough-rankings'),
      choice('chain', 'Rounds', orNow(CHAINS, kinds || 'REWARD,DPO', kinds.replaceAll(',', ', then ')), kinds || 'REWARD,DPO'),
      field('newDecidedTasks', 'When so many tasks are newly decided', { type: 'number', min: 1, value: orDefault(rule, was.when?.newDecidedTasks, 200), hint: 'empty: by the clock alone' }),
      field('cron', 'And at', { placeholder: '0 3 * * *', value: was.when?.cron ?? '', hint: 'minute hour day month weekday, UTC; empty: never by the clock' }),
      choice('startFrom', 'The policy starts from', orNow(STARTS, start), start),
      field('maxHeldOutDrop', 'The held-out accuracy may fall by', { type: 'text', 'data-number': true, inputmode: 'decimal', value: was.guards?.maxHeldOutDrop ?? '0.02' }),
      field('minDecidedTasks', 'Decided tasks there must be', { type: 'number', min: 0, value: was.guards?.minDecidedTasks ?? 20, hint: 'else it is held back' }),
      field('maxPerDay', 'Starts a day at most', { type: 'number', min: 1, value: was.guards?.maxPerDay ?? 1 }),
      field('promote', 'Promote what comes out to', { placeholder: 'canary', value: was.promote?.channel ?? '', hint: 'empty: nothing is promoted' }),
      check('enabled', rule ? 'It is on' : 'Turn it on now', rule?.enabled))],
    async action(values) {
      const steps = values.chain === kinds ? was.chain : values.chain.split(',').map((kind) => ({ kind }));
      await put(`${base}/rules/${encode(values.name)}`, {
        enabled: values.enabled,
        rounds: {
          when: { ...was.when, newDecidedTasks: values.newDecidedTasks, cron: values.cron || undefined },
          chain: steps.map((step) => (step.kind === 'REWARD' || values.startFrom === start && step.startFrom ? step : { ...step, startFrom: values.startFrom })),
          guards: { maxHeldOutDrop: values.maxHeldOutDrop, maxPerDay: values.maxPerDay, minDecidedTasks: values.minDecidedTasks },
          ...(values.promote ? { promote: { ...was.promote, channel: values.promote } } : {}),
        },
      });
    },
  });
}

function abRule(rule) {
  const was = rule?.rule.ab ?? { onBetter: 'promote', onWorse: 'roll_back' };
  openForm({
    title: rule ? `Change rule ${rule.name}` : 'What follows from an A/B test',
    submit: rule ? 'Change the rule' : 'Set the rule',
    content: [h('div', { class: 'fields' },
      ruleName(rule, 'canary-by-people'),
      field('candidate', 'Channel that is tested', { required: true, value: was.candidate ?? 'canary' }),
      field('incumbent', 'Compared with', { required: true, value: was.incumbent ?? 'production', hint: 'a channel; a version or base where nothing is promoted' }),
      field('minTasks', 'Tasks that must count first', { type: 'number', min: 1, value: was.minTasks ?? 30 }),
      field('alpha', 'Probability of a wrong verdict', { type: 'text', 'data-number': true, inputmode: 'decimal', value: was.alpha ?? '0.05' }),
      check('promote', 'Promote it when it is better', was.onBetter === 'promote'), check('rollBack', 'Roll it back when it is worse', was.onWorse === 'roll_back'),
      check('enabled', rule ? 'It is on' : 'Turn it on now', rule?.enabled)),
    h('p', { class: 'muted' }, 'A SAMPLE round that mixes both makes the tasks. The verdict holds whenever one looks.')],
    async action(values) {
      await put(`${base}/rules/${encode(values.name)}`, {
        enabled: values.enabled,
        ab: { candidate: values.candidate, incumbent: values.incumbent, minTasks: values.minTasks, alpha: values.alpha, onBetter: values.promote ? 'promote' : 'nothing', onWorse: values.rollBack ? 'roll_back' : 'nothing' },
      });
    },
  });
}

function showDecisions(list) {
  fill(byId('decisions-list'), list.length > 0 && [h('h3', {}, 'What rules decided'),
    table('Decisions', ['When', 'Rule', 'Decision', 'Reason'], list.map((d) => [when(d.at), d.rule, d.decision.toLowerCase().replace('_', ' '), d.reason]), '')]);
}

function showPlanned(list) {
  fill(byId('planned-list'), list.length > 0 && [h('h3', {}, 'Planned rounds'),
    table('Planned rounds', ['Step', 'Round', 'State', 'Why', ''], list.map((step) => [
      step.step,
      step.roundId ? h('a', { href: `${here}/rounds/${encode(step.roundId)}` }, step.kind) : step.kind,
      h('span', { class: `state ${step.state}` }, step.state.toLowerCase()),
      step.reason,
      h('span', { class: 'muted' }, step.note ?? '')]), '')]);
}

// ---------------------------------------------------------------- A/B

function showVersions(list) {
  versions = list;
  const place = byId('ab-choice');
  if (versions.length < 2) {
    fill(place, h('p', { class: 'empty' }, 'Nothing to compare yet. A SAMPLE round that mixes two adapters, or one and the base model, makes tasks with outputs of both; labelers do not see whose is whose.'));
    return;
  }
  const select = (name, label, value) => h('label', {}, label, h('select', { name, onchange: (event) => { pair = { ...pair, [name]: event.target.value }; compare(); } },
    versions.map((version) => h('option', { value: version, selected: version === value }, version === 'base' ? 'the base model' : version))));
  pair = { a: pair.a ?? versions.at(-1), b: pair.b ?? versions[0] };
  fill(place, h('div', { class: 'fields' }, select('a', 'How often wins', pair.a), select('b', 'against', pair.b)));
}

async function compare() {
  const place = byId('ab-report');
  if (pair.a === pair.b) {
    fill(place, notice('info', 'Choose two different adapters.'));
    return;
  }
  try {
    const report = await look(`${base}/ab/${encode(pair.a)}/${encode(pair.b)}`);
    const figure = (name, value, hint) => h('div', { class: 'figure' }, h('span', { class: 'value' }, value), h('span', { class: 'name' }, name), hint && h('span', { class: 'name' }, hint));
    const verdict = { A_BETTER: `${report.a} is better`, B_BETTER: `${report.b} is better`, UNDECIDED: 'undecided' }[report.verdict];
    fill(place, report.tasks === 0
      ? h('p', { class: 'empty' }, `No task with outputs of both has all its rankings yet${report.waiting > 0 ? `; ${number(report.waiting)} wait` : ''}.`)
      : [h('div', { class: 'figures' },
        figure('win rate', percent(report.winRate), `${percent(report.lower)} to ${percent(report.upper)}`),
        figure('won, tied, lost', `${number(report.wins)} · ${number(report.ties)} · ${number(report.losses)}`, `${number(report.tasks)} tasks${report.waiting > 0 ? `, ${number(report.waiting)} wait` : ''}`),
        figure('verdict', verdict, report.decidedAt > 0 ? `after ${number(report.decidedAt)} tasks` : `p = ${number(report.pValue, 2)}`)),
      h('p', { class: 'muted small' }, `The interval holds with ${percent(report.confidence, 0)} confidence at every look, however often you look. A tie is half a win.`)]);
  } catch (problem) {
    showProblem(place, problem);
  }
}

// ---------------------------------------------------------------- labelers who do not count

function showExclusions(list) {
  fill(byId('exclusions-list'), table('Excluded labelers', ['Labeler', 'Taken back', 'Why', 'Excluded', ''], list.map((e) => [
    e.labeler,
    e.finished ? number(e.retracted) : `${number(e.retracted)}, going on`,
    e.reason,
    h('span', {}, `by ${e.excludedBy}, `, when(e.excludedAt)),
    h('span', { class: 'actions' }, button('Affected adapters', () => showAffected(e.labeler), { class: 'button small' }),
      button('Readmit', () => readmit(e.labeler), { class: 'button quiet small' })),
  ]), 'Nobody is excluded.'));
}

async function exclude() {
  const progress = await get(`${base}/progress`).catch(() => ({}));
  openForm({
    title: 'Exclude a labeler',
    submit: 'Take back all their rankings',
    danger: true,
    content: [h('div', { class: 'fields' },
      h('label', {}, 'Labeler', h('input', { name: 'labeler', required: true, list: 'labeler-names', autocomplete: 'off' }),
        h('datalist', { id: 'labeler-names' }, (progress.labelers ?? []).map((l) => h('option', { value: l.labelerId })))),
      h('label', { class: 'full' }, 'Why', h('input', { name: 'reason', required: true, maxlength: '2000' }))),
    h('p', { class: 'muted' }, 'Their rankings stop to count, and they get no more tasks here. Adapters that learnt from them stay as they are; you can run their rounds again.')],
    async action(values) {
      await put(`${base}/labelers/${encode(values.labeler)}/exclusion`, { reason: values.reason });
      setTimeout(() => showAffected(values.labeler), 0);
    },
  });
}

async function showAffected(labeler) {
  const dialog = byId('dialog');
  const title = h('h2', { id: 'dialog-title' }, `What learnt from ${labeler}`);
  const close = button('Close', () => dialog.close(), { class: 'button primary' });
  fill(dialog, title, h('p', { class: 'muted' }, 'Reading data sets…'), h('div', { class: 'actions' }, close));
  if (!dialog.open) dialog.showModal();
  const problems = h('div', {});
  try {
    const affected = listOf(await get(`${base}/labelers/${encode(labeler)}/adapters`));
    const again = button('Run their rounds again without them', async () => {
      again.disabled = true;
      try {
        const planned = listOf(await post(`${base}/labelers/${encode(labeler)}/rounds-again`));
        fill(problems, notice('info', planned.length === 1 ? 'One round is planned. See “Planned rounds”.' : `${planned.length} rounds are planned, one after the other. See “Planned rounds”.`));
      } catch (problem) {
        again.disabled = false;
        showProblem(problems, problem);
      }
    }, { class: 'button' });
    fill(dialog, title,
      table('Adapters', ['Version', 'Kind', 'Their rankings', 'Through'], affected.map((a) => [a.version, a.kind.toLowerCase(), number(a.rankings), a.through.join(', ') || 'its own data']), 'No adapter learnt from them.'),
      problems, h('div', { class: 'actions' }, affected.length > 0 && again, close));
  } catch (problem) {
    fill(dialog, title, problems, h('div', { class: 'actions' }, close));
    showProblem(problems, problem);
  }
}

function readmit(labeler) {
  openForm({
    title: `Readmit ${labeler}?`,
    submit: 'Readmit',
    content: h('p', {}, 'They get tasks again. What was taken back stays so.'),
    action: () => request('DELETE', `${base}/labelers/${encode(labeler)}/exclusion`),
  });
}

byId('new-rule').addEventListener('click', () => roundsRule());
byId('new-ab-rule').addEventListener('click', () => abRule());
byId('exclude-labeler').addEventListener('click', exclude);
