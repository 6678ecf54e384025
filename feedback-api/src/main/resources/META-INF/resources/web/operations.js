// What concerns all projects: people, outbox, lag, dead letters, the audit log.

import { post, put, remove, request, listOf, encode } from './http.js';
import { h, byId, fill, button, table, when, number, duration, bytes, notice, showProblem } from './dom.js';
import { openForm, field, choice, check } from './form.js';
import { reason, because, showSecret, showAudit } from './people.js';
import { look, watch } from './live.js';

// ---------------------------------------------------------------- people

let projects = [];

async function people() {
  projects = listOf(await look('/projects'));
  const users = listOf(await look('/users'));
  fill(byId('users'), table('People and services', ['Name', 'Projects', ''], users.map((user) => [
    h('span', {}, user.name, user.disabled && h('span', { class: 'state FAILED' }, ' disabled')),
    projectsOf(user),
    h('span', { class: 'actions' },
      button('Password', () => resetPassword(user), { class: 'button small', 'aria-label': `New password for ${user.name}` }),
      button(user.disabled ? 'Enable' : 'Disable', () => setDisabled(user), { class: 'button small', 'aria-label': `${user.disabled ? 'Enable' : 'Disable'} ${user.name}` }),
      button('Remove', () => removeUser(user), { class: 'button quiet small', 'aria-label': `Remove ${user.name}` }))]),
  'Nobody yet.'));
}

function projectsOf(user) {
  if (user.role === 'administrator') return 'administrator';
  return Object.entries(user.projects ?? {}).map(([project, role]) => `${project === '*' ? 'every project' : project}: ${role}`).join(', ') || 'none yet';
}

function newUser() {
  const { form } = openForm({
    title: 'Add a person or a service',
    submit: 'Add',
    content: h('div', { class: 'fields' },
      field('name', 'Name', { required: true, maxlength: 100, autocomplete: 'off' }),
      field('password', 'Password', { required: true, type: 'password', minlength: 10, maxlength: 72, autocomplete: 'new-password', hint: 'Hand it over on a safe way; they can change it.' }),
      check('oidc', 'Logs in by the organisation’s provider, without a password', false),
      choice('role', 'Role', [['labeler', 'labeler: ranks'], ['operator', 'operator: runs a project'], ['service', 'service: a program'], ['administrator', 'administrator: everything, everywhere']]),
      choice('projects', 'In', [['*', 'every project'], ...projects.map((project) => [project.id, project.name || project.id]), ['', 'no project yet']], projects[0]?.id ?? '*'),
      check('returning', 'The same person as one of this name who was removed', false)),
    async action(values) {
      await post('/users', { ...values, password: values.oidc ? undefined : values.password, projects: values.projects ? [values.projects] : [] });
      await people();
    },
  });
  form.elements.oidc.addEventListener('change', (event) => { form.elements.password.disabled = event.target.checked; });
}

function resetPassword(user) {
  openForm({
    title: `New password for ${user.name}`, submit: 'Make one',
    content: [h('p', {}, 'The old one ends at once. The new one is shown once.'), reason()],
    async action(values) {
      const made = await put(`/users/${encode(user.name)}/password`, values.reason ? { reason: values.reason } : {});
      setTimeout(() => showSecret(`Password of ${user.name}`, made.password), 0);
    },
  });
}

function setDisabled(user) {
  const act = user.disabled ? 'enable' : 'disable';
  openForm({
    title: `${user.disabled ? 'Enable' : 'Disable'} ${user.name}?`, submit: user.disabled ? 'Enable' : 'Disable', danger: !user.disabled,
    content: [h('p', {}, user.disabled ? 'They can log in again.' : 'They cannot log in, and tokens they made end. Nothing of their work changes.'), reason()],
    async action(values) {
      await post(`/users/${encode(user.name)}/${act}`, values.reason ? { reason: values.reason } : {});
      await people();
    },
  });
}

const ERASURES = [['pseudonym', 'stay, under a pseudonym: the person is erased'], ['retract', 'are taken back: the person is erased']];

function fate(choices) {
  return choice('how', 'What happens to their rankings', choices, choices[0][0],
    'To erase a person removes their name and comments from the database. What the log in Kafka still holds, and why, is in the operations guide.');
}

function erase(name, { how, reason: why }) {
  return post(`/users/${encode(name)}/erase`, { rankings: how, ...(why ? { reason: why } : {}) });
}

function removeUser(user) {
  openForm({
    title: `Remove ${user.name}?`, submit: 'Remove', danger: true,
    content: [fate([['remove', 'stay, under their name'], ...ERASURES]), reason()],
    async action(values) {
      if (values.how === 'remove') await remove(`/users/${encode(user.name)}${because(values)}`);
      else await erase(user.name, values);
      await people();
    },
  });
}

/** Of somebody who is in imported rankings, or was removed before. */
function eraseName() {
  openForm({
    title: 'Erase somebody by name', submit: 'Erase', danger: true,
    content: [
      h('p', {}, 'Somebody who stands in imported rankings, or whose log-in was removed. It cannot be undone.'),
      h('div', { class: 'fields' }, field('name', 'Name', { required: true, maxlength: 200, autocomplete: 'off', hint: 'exactly as it stands beside their rankings' })),
      fate(ERASURES), reason()],
    async action(values) {
      const done = await erase(values.name, values);
      await people();
      setTimeout(() => say('Erased', done.pseudonym ? `Rankings that stand under ${done.pseudonym} now: ${number(done.rankings)}.` : `Rankings taken back: ${number(done.rankings)}.`), 0);
    },
  });
}

function say(title, text) {
  const dialog = byId('dialog');
  fill(dialog, h('h2', { id: 'dialog-title' }, title), h('p', {}, text),
    h('div', { class: 'actions' }, button('Close', () => dialog.close(), { class: 'button primary' })));
  if (!dialog.open) dialog.showModal();
}

// ---------------------------------------------------------------- outbox, lag

async function state() {
  const now = await look('/operations');
  const figure = (name, value, bad) => h('div', { class: `figure${bad ? ' bad' : ''}` }, h('span', { class: 'value' }, value), h('span', { class: 'name' }, name));
  fill(byId('operations'),
    now.kafkaProblem && notice('bad', `${now.kafkaProblem}. Rankings are taken all the same; events wait in the outbox.`),
    h('div', { class: 'figures' },
      figure('events wait for Kafka', number(now.outboxRows)),
      figure('age of the oldest', now.outboxRows > 0 ? duration(now.outboxAgeSeconds) : '–', now.outboxAgeSeconds > 60),
      figure('refused by Kafka', number(now.outboxRefused), now.outboxRefused > 0),
      figure('dead letters', now.kafkaProblem ? '–' : number(now.deadLetters), now.deadLetters > 0)),
    remedies(now).map((text) => notice('bad', text)),
    !now.kafkaProblem && lags(now.lags ?? []));
  return now;
}

/** What somebody who sees this at night can do. */
function remedies(now) {
  return [
    now.outboxAgeSeconds > 60 && !now.kafkaProblem && 'Events have been waiting for more than a minute. Look whether Kafka takes writes (disk, replicas), then at the log of feedback-api for “outbox”.',
    now.outboxRefused > 0 && `Kafka refuses ${now.outboxRefused === 1 ? 'one event' : `${number(now.outboxRefused)} events`} for good: what it refuses is not sent again. Why stands in the log of feedback-api and in the table outbox, column refused.`,
    (now.lags ?? []).some((lag) => lag.records > 10_000) && 'A group is more than 10,000 records behind. If the number does not fall, look whether its application runs: “podium status”, or its pods.',
  ].filter(Boolean);
}

function lags(all) {
  const row = (lag) => [lag.group, h('span', { class: 'mono' }, lag.topic), number(lag.records)];
  const heads = ['Group', 'Topic', 'Records not read'];
  const behind = all.filter((lag) => lag.records > 0).sort((a, b) => b.records - a.records);
  const done = all.filter((lag) => lag.records === 0);
  return [
    behind.length > 0 && table('Consumer lag', heads, behind.map(row), ''),
    done.length > 0 && h('details', {}, h('summary', { class: 'small' }, behind.length > 0 ? `${number(done.length)} more are read to the end` : `All ${number(done.length)} topics that groups read are read to the end`), table('Read to the end', heads, done.map(row), '')),
    all.length === 0 && h('p', { class: 'empty' }, 'No group has read anything yet: do ranking-stream and the trainers run?')];
}

// ---------------------------------------------------------------- dead letters

async function deadLetters() {
  const letters = listOf(await look('/dead-letters?limit=50'));
  fill(byId('dead-letters'), table('Dead letters', ['When', 'Reason', 'From', 'Beginning', ''], letters.map((letter) => [when(letter.at),
    h('span', {}, h('span', { class: 'mono whole' }, letter.reason), h('br'), h('span', { class: 'small' }, letter.message)),
    h('span', { class: 'mono small' }, `${letter.topic} ${letter.origin}`), h('span', { class: 'mono small address clamp' }, letter.value.slice(0, 300)),
    button('Send again', () => replay(letter), { class: 'button small', 'aria-label': `Send ${letter.partition}@${letter.offset} again` })]),
  'None. Records that the stream cannot use come here, with the reason.'));
}

async function replay(letter) {
  const path = `/dead-letters/${letter.partition}/${letter.offset}/replay`;
  const verdict = h('div', { role: 'status' }, h('p', { class: 'muted' }, 'Looking…'));
  openForm({
    title: 'Send this record again?', submit: 'Send again',
    content: [
      h('dl', { class: 'pairs' },
        h('dt', {}, 'Reason'), h('dd', {}, h('span', { class: 'mono' }, letter.reason), ' ', letter.message),
        h('dt', {}, 'From'), h('dd', { class: 'mono' }, `${letter.topic} ${letter.origin}`),
        h('dt', {}, 'Key'), h('dd', { class: 'mono' }, letter.key || 'none'),
        h('dt', {}, 'Size'), h('dd', {}, bytes(letter.bytes ?? 0)),
        h('dt', {}, 'Record'), h('dd', { class: 'mono record', tabindex: '0' }, letter.value || 'empty')),
      h('p', {}, `To ${letter.topic}, with the same key, bytes and event id (${letter.eventId || 'none'}). If it was counted after all, it is not counted twice.`), verdict, reason()],
    async action(values) {
      await post(path, { dryRun: false, ...(values.reason ? { reason: values.reason } : {}) });
      await refresh(null);
    },
  });
  try {
    const dry = await post(path, { dryRun: true });
    fill(verdict, dry.problem ? notice('bad', `It would be refused again: ${dry.problem}`) : notice('good', 'Nothing is known against it now.'));
  } catch (problem) {
    showProblem(verdict, problem);
  }
}

// ---------------------------------------------------------------- the audit log

async function verify() {
  const verdict = (await request('GET', '/audit/verify')).body;
  fill(byId('audit-verdict'), verdict.whole
    ? notice('good', `Whole: ${number(verdict.entries)} entries. Note the last hash elsewhere: ${verdict.head}`)
    : notice('bad', `Entry ${verdict.broken} does not fit the chain: the log was changed.`));
}

// ---------------------------------------------------------------- start

let letters = -1;

async function refresh(parts) {
  const wants = (part) => parts === null || parts.includes(part);
  const attempt = async (place, work) => {
    try {
      await work();
    } catch (problem) {
      if (!byId(place).hasChildNodes() || parts === null) showProblem(byId(place), problem);
    }
  };
  if (wants('operations')) {
    await attempt('operations', async () => {
      const now = await state();
      if (now.kafkaProblem) {
        // It would be asked for a minute, and what is shown is what was last known.
        if (!byId('dead-letters').hasChildNodes()) fill(byId('dead-letters'), h('p', { class: 'empty' }, 'Not known while Kafka does not answer.'));
        letters = -1;
        return;
      }
      if (now.deadLetters !== letters || parts === null) await deadLetters();
      letters = now.deadLetters;
    });
  }
  if (wants('audit')) {
    await attempt('users', people);
    await attempt('audit-list', () => showAudit(byId('audit-list'), '/audit'));
  }
}

/** Begins to show everything; the page of somebody who is no administrator has no place for it. */
export function startOperations() {
  byId('new-user').addEventListener('click', newUser);
  byId('erase-name').addEventListener('click', eraseName);
  byId('audit-verify').addEventListener('click', () => verify().catch((problem) => showProblem(byId('audit-verdict'), problem)));
  watch('/operations/live', refresh);
}
