// One project for its operator: progress, rounds, adapters, channels, services, data.

import { get, post, put, request, listOf, encode } from './http.js';
import { h, byId, fill, notice, showProblem, button, table, when, number, duration, bytes } from './dom.js';
import { openForm, field, choice } from './form.js';
import { openRoundForm } from './round-form.js';
import { peopleOf } from './people.js';
import { bars } from './bars.js';
import { clicked, look, watch } from './live.js';
import { refreshAutomation } from './automation.js';
import { openSettings } from './settings.js';

const project = document.body.dataset.project;
const base = `/projects/${encode(project)}`;
const here = `/console/${encode(project)}`;
let about = { id: project, baseModel: 'the base model' };
let adapters = [];
let channels = [];

// ---------------------------------------------------------------- keeping the page up to date

const parts = { progress: showProgress, statistics: showStatistics, rounds: showRounds, adapters: showAdapters, channels: showChannels, loads: showLoads };
const shown = {};
let troubled = false;

/** Looks again at the parts that may have changed; at all of them for `null`. */
async function refresh(hinted = null) {
  const automation = refreshAutomation(hinted);
  const wanted = Object.keys(parts).filter((part) => hinted === null || hinted.includes(part));
  const results = await Promise.allSettled(wanted.map((part) => look(`${base}/${part}`)));
  await clicked();
  wanted.forEach((part, i) => {
    const { status, value, reason } = results[i];
    if (status === 'fulfilled') {
      const now = JSON.stringify(value ?? null);
      // A list that has not changed stays as it is: focus and selection in it are not lost.
      if (shown[part] === now && part !== 'rounds') return;
      shown[part] = now;
      parts[part](value);
    } else if (shown[part] === undefined) {
      showProblem(placeOf(part), reason);
    }
  });
  const failed = results.filter((result) => result.status === 'rejected');
  if (failed.length > 0 && failed.length === results.length) {
    showProblem(byId('notice'), failed[0].reason);
    troubled = true;
  } else if (troubled) {
    // What went well stays until something else is said.
    fill(byId('notice'));
    troubled = false;
  }
  if (hinted === null || hinted.includes('audit')) {
    for (const [place, load] of [['members', people.members], ['tokens', people.tokens], ['audit-list', people.audit]]) {
      load().catch((problem) => showProblem(byId(place), problem));
    }
  }
  await automation;
}

function placeOf(part) {
  return byId({ progress: 'labelers', statistics: 'rates', rounds: 'rounds-list', adapters: 'adapters-list', channels: 'channels-list', loads: 'services-list' }[part]);
}

// ---------------------------------------------------------------- progress

function showProgress(progress) {
  const figure = (name, value, hint) => h('div', { class: 'figure' }, h('span', { class: 'value' }, number(value)), h('span', { class: 'name' }, name), hint && h('span', { class: 'name' }, hint));
  const waiting = progress.outboxRows ?? 0;
  fill(byId('figures'),
    figure('tasks', progress.tasks),
    figure('open tasks', progress.openTasks),
    figure('rankings', progress.rankings),
    figure('decided tasks', progress.decidedTasks),
    figure('preference pairs', progress.pairs, progress.ties > 0 ? `and ${number(progress.ties)} ties` : undefined),
    waiting > 0 && figure('waiting for Kafka', waiting, progress.outboxAgeSeconds > 5 ? `oldest ${duration(progress.outboxAgeSeconds)}` : undefined));
  const labelers = progress.labelers ?? [];
  bars(byId('agreement'), { title: 'Agreement with the decision', max: 1, format: percent, rows: labelers.filter((l) => l.agreement !== undefined && l.agreement !== null).map((l) => ({ label: l.labelerId, value: l.agreement, note: `${number(l.rankings)} rankings` })), empty: 'Known when several people have ranked a task.' });
  fill(byId('labelers'), labelers.length === 0
    ? h('p', { class: 'empty' }, progress.tasks > 0 ? 'Nobody has ranked yet. Add labelers in the console, and give them this page’s “Rank here” address.' : 'No tasks yet. Import some under “Data”, or start a SAMPLE round with prompts.')
    : table('Labelers', ['Labeler', 'Rankings', 'Agrees with the decision'], labelers.map((l) => [l.labelerId, number(l.rankings), percent(l.agreement)]), ''));
}

function percent(share) {
  return share === undefined || share === null ? '–' : `${Math.round(share * 100)} %`;
}

// ---------------------------------------------------------------- figures over time

function showStatistics(statistics) {
  bars(byId('throughput'), { title: 'Rankings a day', rows: statistics.days.map((day) => ({ label: day.day, value: day.rankings, note: `${number(day.labelers)} labelers` })), empty: 'Nobody has ranked in the last 60 days.' });
  bars(byId('rates'), { title: 'Win rate against other sources', max: 1, format: (value) => `${Math.round(value * 100)} %`,
    rows: statistics.winRates.map((rate) => ({ label: rate.source, value: rate.wins / rate.pairs, note: `${number(rate.wins)} of ${number(rate.pairs)} pairs` })),
    empty: 'Outputs of different adapters have not met in a task yet.' });
}

// ---------------------------------------------------------------- rounds

function showRounds(body) {
  const rounds = listOf(body);
  fill(byId('rounds-list'), table('Rounds', ['Round', 'State', 'Progress', 'Latest', 'Asked', ''], rounds.map((round) => [
    h('a', { href: `${here}/rounds/${encode(round.id)}` }, `${round.kind} → ${round.version ?? '–'}`),
    state(round.state),
    progressOf(round),
    h('span', { class: 'muted' }, headline(round)),
    when(round.requestedAt),
    ['REQUESTED', 'ACCEPTED', 'RUNNING'].includes(round.state) && button('Cancel', () => cancel(round), { class: 'button quiet small' }),
  ]), 'No round yet. A REWARD or DPO round needs preference pairs; a SAMPLE round only needs prompts.'));
}

export function state(name) {
  return h('span', { class: `state ${name}` }, String(name ?? '').toLowerCase());
}

function progressOf(round) {
  const total = round.totalSteps ?? 0;
  if (total <= 0) return h('span', { class: 'muted' }, round.error?.message ?? '');
  return h('div', { class: 'progress-cell' },
    h('progress', { max: String(total), value: String(round.step ?? 0), 'aria-label': `${round.step} of ${total} steps` }),
    h('span', { class: 'small muted' }, `${round.step ?? 0} of ${total}`, round.state === 'RUNNING' && round.etaSeconds > 0 ? ` · ${duration(round.etaSeconds)} left` : ''));
}

const HEADLINES = [['loss', 'loss'], ['rewards/accuracies', 'accuracy'], ['accuracy', 'accuracy'], ['rewards/margins', 'margin'], ['objective/scores', 'reward'], ['objective/kl', 'KL']];

function headline(round) {
  if (round.error?.message && round.totalSteps > 0) return round.error.message;
  const metrics = round.metrics ?? {};
  return HEADLINES.filter(([name]) => name in metrics).slice(0, 3).map(([name, label]) => `${label} ${number(metrics[name], 3)}`).join(' · ');
}

async function cancel(round) {
  openForm({
    title: `Cancel ${round.kind} ${round.version ?? ''}?`,
    submit: 'Cancel the round',
    danger: true,
    content: h('p', {}, 'What it has trained so far is not published.'),
    action: () => post(`/rounds/${encode(round.id)}/cancel`),
  });
}

// ---------------------------------------------------------------- adapters and lineage

function showAdapters(body) {
  adapters = listOf(body);
  const sorted = [...adapters].sort((a, b) => String(b.createdAt).localeCompare(String(a.createdAt)));
  fill(byId('adapters-list'), table('Adapters', ['Version', 'Made by', 'From', 'Rankings used', 'Size', 'Published', ''], sorted.map((adapter) => [
    h('strong', {}, adapter.version),
    h('a', { href: `${here}/rounds/${encode(adapter.roundId)}` }, adapter.roundKind),
    adapter.initialAdapter ?? adapter.baseModel?.name ?? '–',
    number(adapter.rankingsUsed),
    bytes((adapter.files ?? []).reduce((sum, file) => sum + file.bytes, 0)),
    when(adapter.createdAt),
    h('span', { class: 'actions' }, button('Lineage', () => showLineage(adapter), { class: 'button small' }),
      adapter.kind === 'POLICY' ? button('Promote', () => promote({ version: adapter.version }), { class: 'button small' }) : h('span', { class: 'muted small' }, adapter.kind === 'MODEL' ? 'whole model' : 'reward model')),
  ]), 'No adapter yet. Every SFT, REWARD, DPO or PPO round that ends well publishes one here.'));
}

async function showLineage(adapter) {
  const dialog = byId('dialog');
  fill(dialog, h('h2', { id: 'dialog-title' }, `Lineage of ${adapter.version}`), h('p', { class: 'muted' }, 'Reading its data set…'));
  dialog.showModal();
  const close = button('Close', () => dialog.close(), { class: 'button primary' });
  try {
    const [lineage, signature] = await Promise.all([
      get(`${base}/adapters/${encode(adapter.version)}/lineage`), get(`${base}/adapters/${encode(adapter.version)}/signature`).catch(() => ({}))]);
    const rankings = lineage.rankings ?? [];
    const fact = (name, ...value) => [h('dt', {}, name), h('dd', {}, value)];
    const dataSet = lineage.dataSet ?? adapter.dataSet;
    fill(dialog, h('h2', { id: 'dialog-title' }, `Lineage of ${adapter.version}`),
      h('dl', { class: 'pairs' },
        fact('Round', h('a', { href: `${here}/rounds/${encode(adapter.roundId)}` }, `${adapter.roundKind} ${adapter.roundId}`)),
        fact('Base model', adapter.baseModel?.name ?? '–', ' ', h('span', { class: 'mono muted' }, adapter.baseModel?.sha256?.slice(0, 16) ?? '')),
        fact('Parents', parents(lineage, adapter)),
        fact('Goes on in', children(adapter)),
        fact('Signed', signed(signature)),
        fact('Data set', dataSet ? [h('span', { class: 'mono' }, `${dataSet.sha256 ?? dataSet}`), ' ', h('a', { href: `/api/v1${base}/adapters/${encode(adapter.version)}/data-set`, download: '' }, 'Download')] : 'none'),
        fact('Files', files(adapter)),
        fact('Labelers', (lineage.labelers ?? []).map((l) => (typeof l === 'string' ? l : `${l.labelerId}${l.rankings ? ` (${l.rankings})` : ''}`)).join(', ') || '–'),
        fact('Rankings', number(adapter.rankingsUsed ?? rankings.length))),
      (lineage.rounds ?? []).length > 1 && table('What it goes back to', ['Version', 'Used as', 'Round', 'Rankings', 'Made'], lineage.rounds.map((r) => [
        h('strong', {}, r.version), r.usedAs, h('a', { href: `${here}/rounds/${encode(r.round)}` }, r.kind), number(r.rankings), when(r.at)]), ''),
      table('Rankings', ['Labeler', 'Task', 'Revision', 'In Kafka'], rankings.slice(0, 200).map((r) => [r.labelerId, h('span', { class: 'mono' }, r.taskId), r.revision,
        h('span', { class: 'mono muted' }, `${r.topic ?? ''} ${r.partition ?? ''}@${r.offset ?? ''}`)]), 'This adapter was not trained on rankings.'),
      rankings.length > 200 && h('p', { class: 'muted' }, `The first 200 of ${number(rankings.length)}. All of them: GET /api/v1${base}/adapters/${adapter.version}/lineage`),
      h('div', { class: 'actions' }, close));
  } catch (problem) {
    const place = h('div', {});
    fill(dialog, h('h2', { id: 'dialog-title' }, `Lineage of ${adapter.version}`), place, h('div', { class: 'actions' }, close));
    showProblem(place, problem);
  }
}

function parents(lineage, adapter) {
  const named = lineage.parents ?? [adapter.initialAdapter, adapter.rewardAdapter].filter(Boolean);
  const texts = (Array.isArray(named) ? named : Object.values(named).filter(Boolean)).map((p) => (typeof p === 'string' ? p : p.version));
  return texts.length > 0 ? texts.join(', ') : 'none, it starts from the base model';
}

function children({ version }) {
  const found = adapters.filter((a) => a.initialAdapter === version || a.rewardAdapter === version)
    .map((a) => `${a.version} (${a.initialAdapter === version ? 'starts from it' : 'judged by it'})`);
  return found.length > 0 ? found.join(', ') : 'no other adapter';
}

function files({ version, files: all = [] }) {
  return all.flatMap((file, i) => [i > 0 && ', ', h('a', { href: `/api/v1${base}/adapters/${encode(version)}/files/${encode(file.name)}`, download: file.name }, file.name), ` (${bytes(file.bytes)})`]);
}

function signed({ keyId, checked, trusted, problem }) {
  if (problem) return `not to be trusted: ${problem}`;
  if (!keyId) return checked === false ? 'by nobody; no keys are asked for here' : 'by nobody';
  return trusted ? `by ${keyId}` : `by ${keyId}, which is not trusted`;
}

// ---------------------------------------------------------------- channels

function showChannels(body) {
  channels = listOf(body);
  fill(byId('channels-list'), channels.length === 0
    ? h('p', { class: 'empty' }, 'No channel yet. Services follow a channel such as “production”; promote an adapter to create it.')
    : channels.map((channel) => h('div', { class: 'channel' },
      h('div', {}, h('h3', {}, channel.channel), h('p', { class: 'muted small' }, `change ${channel.sequence} by ${channel.changedBy ?? '–'}, `, when(channel.at), channel.reason ? `: ${channel.reason}` : '')),
      h('span', { class: 'points' }, channel.version ?? 'base model', channel.canary && h('span', { class: 'muted small' }, ` + ${channel.canary.version} for ${channel.canary.percent}% of the ${channel.canary.by.toLowerCase()}`)),
      h('div', { class: 'actions' },
        channel.canary ? button('End trial', () => endTrial(channel), { class: 'button small' }) : button('Try a version', () => tryOut(channel), { class: 'button small' }),
        button('Rule', () => editRule(channel), { class: 'button small' }),
        button('History', () => showHistory(channel), { class: 'button small' }),
        button('Change', () => promote({ channel: channel.channel, version: channel.version ?? '' }), { class: 'button small' }),
        button('Roll back', () => rollBack(channel), { class: 'button small', disabled: channel.sequence <= 1 || undefined })))));
}

function promote({ version = '', channel } = {}) {
  const servable = adapters.filter((a) => a.kind === 'POLICY');
  const names = [...new Set(['production', ...channels.map((c) => c.channel)])];
  openForm({
    title: version && !channel ? `Promote ${version}` : 'Point a channel at an adapter',
    submit: 'Promote',
    content: [h('div', { class: 'fields' },
      h('label', {}, 'Channel', h('input', { name: 'channel', value: channel ?? 'production', required: true, list: 'channel-names', pattern: '[a-z0-9][a-z0-9._\\-]{0,62}' }),
        h('datalist', { id: 'channel-names' }, names.map((name) => h('option', { value: name })))),
      choice('version', 'Adapter', [...servable.map((a) => [a.version, `${a.version} (${a.roundKind})`]), ['', 'none: the base model']], version),
      h('label', { class: 'full' }, 'Reason', h('input', { name: 'reason', maxlength: '500', placeholder: 'for those who look at the history' }))),
    h('p', { class: 'muted' }, 'Services that follow the channel swap within seconds, while they run.')],
    async action(values) {
      await put(`${base}/channels/${encode(values.channel)}`, { version: values.version || null, ...(values.reason ? { reason: values.reason } : {}) });
    },
  });
}

function tryOut(channel) {
  const others = adapters.filter((a) => a.kind === 'POLICY' && a.version !== channel.version);
  openForm({
    title: `Try a version on ${channel.channel}`,
    submit: 'Try it',
    content: [
      h('div', { class: 'fields' },
        choice('version', 'Version', others.map((a) => [a.version, a.version])),
        field('percent', 'Share in percent', { type: 'number', min: 0.01, max: 100, step: 'any', value: 10, required: true }),
        choice('by', 'Of the', [['instances', 'instances: each runs one'], ['requests', 'requests: each holds both']]),
        field('reason', 'Reason', { maxlength: 500, placeholder: 'Win rate 0.61 against production' })),
      h('p', { class: 'muted' }, `All others go on with ${channel.version ?? 'the base model'}.`)],
    async action(values) {
      await put(`${base}/channels/${encode(channel.channel)}/canary`, { version: values.version, percent: values.percent, by: values.by, ...(values.reason ? { reason: values.reason } : {}) });
      await refresh();
    },
  });
}

function endTrial(channel) {
  openForm({
    title: `End the trial of ${channel.canary.version}?`,
    submit: 'End it',
    content: h('p', {}, `All go on with ${channel.version ?? 'the base model'}. To keep the version instead, change the channel to it.`),
    async action() {
      await request('DELETE', `${base}/channels/${encode(channel.channel)}/canary`);
      await refresh();
    },
  });
}

async function editRule(channel) {
  const path = `${base}/channels/${encode(channel.channel)}/rule`;
  let rule;
  try {
    rule = await get(path);
  } catch (problem) {
    showProblem(byId('notice'), problem);
    return;
  }
  openForm({
    title: `When ${channel.channel} is rolled back by itself`,
    submit: 'Save',
    content: [
      h('div', { class: 'fields' },
        field('refusedInstances', 'Instances that refuse it', { type: 'number', min: 0, value: rule?.refusedInstances ?? 0, hint: '0: refusals are of no matter' }),
        field('errorPercent', 'Errors in percent, more than', { type: 'number', min: 0, max: 100, step: 'any', value: rule?.errorPercent ?? 0, hint: '0: errors are of no matter' }),
        field('minRequests', 'Requests before errors count', { type: 'number', min: 1, value: rule?.minRequests ?? 100 })),
      h('p', { class: 'muted' }, 'A trial is ended instead, when its version is to blame. The rule acts once, then waits until a person changes the channel. Both at 0 switch it off.')],
    async action(values) {
      if (!values.refusedInstances && !values.errorPercent) await request('DELETE', path);
      else await put(path, values);
    },
  });
}

async function showHistory(channel) {
  const dialog = byId('dialog');
  const close = button('Close', () => dialog.close(), { class: 'button primary' });
  try {
    const changes = listOf(await get(`${base}/channels/${encode(channel.channel)}/history`));
    fill(dialog, h('h2', { id: 'dialog-title' }, `History of ${channel.channel}`),
      table('Changes', ['Change', 'Version', 'On trial', 'By', 'When', 'Reason'], changes.slice(0, 200).map(({ pointer, automatic }) => [
        number(pointer.sequence), h('strong', {}, pointer.version ?? 'base model'), pointer.canary ? `${pointer.canary.version}, ${pointer.canary.percent}%` : '–',
        automatic ? 'its rule' : pointer.changedBy, when(pointer.at), pointer.reason ?? '–']), 'No change yet.'),
      h('div', { class: 'actions' }, close));
  } catch (problem) {
    const place = h('div', {});
    showProblem(place, problem);
    fill(dialog, h('h2', { id: 'dialog-title' }, `History of ${channel.channel}`), place, h('div', { class: 'actions' }, close));
  }
  dialog.showModal();
  dialog.scrollTop = 0;
}

async function editRetention() {
  let state;
  try {
    state = await get(`${base}/retention`);
  } catch (problem) {
    showProblem(byId('notice'), problem);
    return;
  }
  const preview = h('div', {});
  openForm({
    title: 'Which adapters keep their weights',
    submit: 'Retire now',
    danger: true,
    content: [
      h('div', { class: 'fields' },
        field('keepLast', 'Newest versions of each kind', { type: 'number', min: 1, value: state.policy?.keepLast ?? 10, required: true }),
        field('keepDays', 'And all younger than, days', { type: 'number', min: 0, value: state.policy?.keepDays ?? 30, required: true })),
      h('p', { class: 'muted' }, `Kept as well: whatever a channel has ever pointed to, and what a round works with. Manifests and data sets stay, so lineage does. Retired so far: ${state.retired.length}.`),
      button('Save and preview', async () => {
        const form = preview.closest('form');
        try {
          await put(`${base}/retention`, { keepLast: Number(form.elements.keepLast.value), keepDays: Number(form.elements.keepDays.value) });
          const run = await post(`${base}/retention/run`, { dryRun: true });
          fill(preview, h('p', {}, run.retired.length === 0 ? 'Nothing would be retired.' : `Would be retired: ${run.retired.join(', ')}.`));
        } catch (problem) {
          showProblem(preview, problem);
        }
      }, { class: 'button small' }), preview],
    async action(values) {
      await put(`${base}/retention`, { keepLast: values.keepLast, keepDays: values.keepDays });
      const run = await post(`${base}/retention/run`, { dryRun: false });
      fill(byId('notice'), notice('good', `${run.retired.length === 1 ? 'One version is' : `${number(run.retired.length)} versions are`} retired, ${number(run.kept)} kept. An administrator frees the space: Console, Storage.`));
    },
  });
}

function rollBack(channel) {
  // Sent twice, it is one step back all the same.
  const key = crypto.randomUUID();
  openForm({
    title: `Roll ${channel.channel} back?`,
    submit: 'Roll back',
    danger: true,
    content: h('p', {}, `It points to ${channel.version ?? 'the base model'} now, and will point to what it pointed to before.`),
    action: () => request('POST', `${base}/channels/${encode(channel.channel)}/rollback`, { headers: { 'Idempotency-Key': key } }),
  });
}

// ---------------------------------------------------------------- services

function showLoads(body) {
  fill(byId('services-list'), table('Services', ['Instance', 'Channel', 'State', 'Runs', 'Asked for', 'Swapped in', 'Reported'], listOf(body).map((load) => [
    h('span', { class: 'mono' }, load.instanceId), load.channel, state(load.status), h('strong', {}, load.runningVersion ?? 'base model'), load.requestedVersion ?? 'base model',
    load.status === 'REFUSED' ? h('span', {}, load.problem ?? '') : `${number(load.swapMillis)} ms`, when(load.at)]),
  'No service has reported yet. Embed libs/adapter-client in yours; it reports here what it runs.'));
}

// ---------------------------------------------------------------- data in and out

function showData() {
  const report = h('div', { 'aria-live': 'polite' });
  const file = h('input', { type: 'file', id: 'import-file', accept: '.jsonl,.ndjson,.json,.gz,.parquet' });
  const format = h('select', { name: 'format' }, [['auto', 'recognise by itself'], ['podium', 'Podium'], ['trl', 'TRL preference pairs'], ['hh', 'Anthropic HH'], ['oasst', 'OpenAssistant trees']].map(([value, text]) => h('option', { value }, text)));
  const partial = h('input', { type: 'checkbox' });
  const send = button('Import', () => importFile(file.files[0], format.value, partial.checked, report, send), { class: 'button primary' });
  const drop = h('div', { class: 'drop' },
    h('label', {}, 'A file of JSON Lines, plain or gzip, or a Parquet file', file, h('span', { class: 'hint' }, 'Choose one, or drop it here.')),
    h('label', {}, 'Format', format),
    h('label', { class: 'check' }, partial, 'Take the good lines even if some are bad'), send);
  for (const type of ['dragenter', 'dragover']) drop.addEventListener(type, (event) => { event.preventDefault(); drop.classList.add('over'); });
  for (const type of ['dragleave', 'drop']) drop.addEventListener(type, () => drop.classList.remove('over'));
  drop.addEventListener('drop', (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length > 0) file.files = event.dataTransfer.files;
  });
  const kind = h('select', { name: 'export-format', onchange: aim }, [['auto', 'Pairs (TRL)'], ['kto', 'Labels (KTO)'], ['kto-conversational', 'Labels (KTO), messages'], ['trl-conversational', 'Pairs (TRL), messages'], ['listwise', 'Lists with places'], ['ties', 'Ties'], ['preferences', 'Preference sets']].map(([value, text]) => h('option', { value }, text)));
  const type = h('select', { name: 'export-file', onchange: aim }, [['jsonl', 'JSON Lines'], ['parquet', 'Parquet'], ['csv', 'CSV']].map(([value, text]) => h('option', { value }, text)));
  const download = h('a', { class: 'button primary' }, 'Download');
  const bundle = h('a', { class: 'button' }, 'Pairs, lists and ties of one snapshot (ZIP)');
  function aim() {
    download.href = `/api/v1${base}/export?format=${kind.value}&file=${type.value}`;
    download.download = `${project}-${kind.value}.${type.value}`;
    bundle.href = `/api/v1${base}/export/bundle?file=${type.value}`;
    bundle.download = `${project}.zip`;
  }
  aim();
  const past = h('div', { id: 'exports' });
  const loadPast = async () => {
    const exports = listOf(await get(`${base}/exports`));
    fill(past, table('Exports', ['When', 'File', 'Rows', 'SHA-256'], exports.slice(0, 10).flatMap((one) => one.files.map((each) => [when(one.at), each.name, number(each.rows), h('span', { class: 'mono small' }, each.sha256)])), 'No export was read to its end yet.'));
  };
  loadPast().catch((problem) => showProblem(past, problem));
  fill(byId('data-tools'), h('div', { class: 'columns' },
    h('div', { class: 'panel' }, h('h3', {}, 'Import'), drop, report),
    h('div', { class: 'panel' }, h('h3', {}, 'Export'), h('p', { class: 'muted' }, 'Each file is of one moment, whatever labelers do meanwhile.'),
      h('div', { class: 'fields' }, h('label', {}, 'What', kind), h('label', {}, 'File', type)), h('div', { class: 'actions' }, download, bundle),
      h('details', { ontoggle: () => loadPast() }, h('summary', {}, 'Exports and their checksums'), past))));
}

async function importFile(file, format, partial, report, send) {
  if (!file) {
    fill(report, notice('bad', 'Choose a file first.'));
    return;
  }
  send.setAttribute('aria-busy', 'true');
  send.disabled = true;
  fill(report, notice('info', `Importing ${file.name} (${bytes(file.size)})…`));
  try {
    const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
    const gzip = head[0] === 0x1f && head[1] === 0x8b;
    const { body } = await request('POST', `${base}/import?format=${format}&partial=${partial}`,
      { raw: file, type: file.name.endsWith('.parquet') ? 'application/vnd.apache.parquet' : 'application/x-ndjson', headers: gzip ? { 'Content-Encoding': 'gzip' } : {} });
    fill(report, importReport('good', `Imported as ${body.format}. Tasks: ${number(body.tasks ?? 0)}, rankings: ${number(body.rankings ?? 0)}, duplicates: ${number(body.duplicates ?? 0)}, skipped: ${number(body.skipped ?? 0)}.`, body));
  } catch (problem) {
    if (problem.body?.errors) fill(report, importReport('bad', 'Nothing was imported: some lines are bad. Mend them, or take only the good lines.', problem.body));
    else showProblem(report, problem);
  } finally {
    send.removeAttribute('aria-busy');
    send.disabled = false;
  }
}

function importReport(kind, text, body) {
  const errors = body.errors ?? [];
  return [notice(kind, text),
    errors.length > 0 && table('Bad lines', ['Line', 'Code', 'What is wrong'], errors.slice(0, 100).map((e) => [number(e.line), h('span', { class: 'mono whole' }, e.code), e.message]), ''),
    errors.length > 100 && h('p', { class: 'muted' }, `and ${number(errors.length - 100)} more`)];
}

// ---------------------------------------------------------------- start

byId('new-round').addEventListener('click', () => openRoundForm({
  project, baseModel: about.baseModel, adapters,
  started: (round) => { if (round?.id) location.assign(`${here}/rounds/${encode(round.id)}`); },
}));
byId('retention').addEventListener('click', editRetention);
byId('new-channel').addEventListener('click', () => promote());
async function showName() {
  about = await get(base);
  byId('title').textContent = about.name || about.id;
  byId('project-name').textContent = about.name || about.id;
}
showName().catch(() => { /* refresh() shows what is wrong */ });
byId('settings').addEventListener('click', () => openSettings(project, showName));
const people = peopleOf(project);
showData();
watch(`${base}/live`, refresh, (away) => fill(byId('connection'), away && notice('bad', 'The connection is lost; figures are as they were. Trying again…')));
