// The operator's start page: projects with what they hold, people and services.

import { get, post, listOf, encode } from './http.js';
import { h, byId, fill, showProblem, button, table, number } from './dom.js';
import { openForm, field, choice, check } from './form.js';

let projects = [];

async function loadProjects() {
  const list = byId('projects');
  try {
    projects = listOf(await get('/projects'));
    list.setAttribute('aria-busy', 'false');
    fill(byId('notice'));
    fill(list, projects.length > 0 ? projects.map(tile) : h('li', { class: 'tile wide' },
      h('h2', {}, 'Start with a project'),
      h('p', {}, 'A project holds guidelines, a base model and ranking rules. Create one, import tasks or sample outputs, and invite people to rank.'),
      h('p', {}, button('New project', newProject, { class: 'button primary' }))));
  } catch (problem) {
    fill(list);
    showProblem(byId('notice'), problem, button('Try again', loadProjects));
  }
}

function tile(project) {
  const facts = h('p', { class: 'muted' }, project.baseModel ?? '');
  get(`/projects/${encode(project.id)}/progress`).then((progress) => {
    facts.textContent = `${project.baseModel ?? ''} · ${number(progress.tasks)} tasks · ${number(progress.rankings)} rankings · ${number(progress.pairs)} pairs`;
  }, () => { /* the tile is useful without its figures */ });
  return h('li', { class: 'tile' },
    h('h2', {}, h('a', { href: `/console/${encode(project.id)}` }, project.name || project.id)),
    facts,
    h('p', { class: 'actions' },
      h('a', { class: 'button', href: `/console/${encode(project.id)}` }, 'Open'),
      h('a', { class: 'button quiet', href: `/label/${encode(project.id)}` }, 'Rank')));
}

function newProject() {
  openForm({
    title: 'New project',
    submit: 'Create',
    content: [
      h('div', { class: 'fields' },
        field('name', 'Name', { required: true, maxlength: 200, placeholder: 'Customer support' }),
        field('id', 'Id', { required: true, pattern: '[a-z0-9][a-z0-9\\-]{0,62}', placeholder: 'support', hint: 'In addresses and topics: small letters, digits, hyphens. Stays for ever.' }),
        field('baseModel', 'Base model', { required: true, value: 'podium-nano', hint: 'podium-nano, smollm2-135m-instruct, or what your installation knows' }),
        h('label', { class: 'full' }, 'Guidelines', h('textarea', { name: 'guidelines', rows: '5', maxlength: '20000', placeholder: 'What makes an answer better than another here? Markdown.' }))),
      h('details', {}, h('summary', {}, 'Ranking rules'), h('div', { class: 'fields' },
        check('tiesAllowed', 'Ties are allowed', true),
        field('topK', 'Places to fill', { type: 'number', min: 0, max: 9, value: 0, hint: '0 = all outputs' }),
        field('overlap', 'Labelers per task', { type: 'number', min: 1, max: 100, value: 1 }),
        field('minVotes', 'Votes to decide a pair', { type: 'number', min: 0.1, step: 'any', value: 1 }),
        field('minMajority', 'Majority to decide a pair', { type: 'number', min: 0, max: 1, step: 'any', value: 0, hint: '0 = any, 1 = unanimous' }),
        h('label', { class: 'full' }, 'Ratings besides the places', h('textarea', { name: 'criteria', rows: '3', maxlength: '4000', placeholder: 'Correct*: no fact is wrong\nTone' }),
          h('span', { class: 'hint' }, 'One a line: name, then a colon and when to give which rating, if you like. 1 to 5; a star makes it needed.')))),
    ],
    async action(values) {
      const project = await post('/projects', {
        id: values.id, name: values.name, baseModel: values.baseModel,
        ...(values.guidelines ? { guidelines: values.guidelines } : {}),
        rules: { ...(values.criteria ? { criteria: criteriaOf(values.criteria) } : {}), tiesAllowed: values.tiesAllowed, topK: values.topK, overlap: values.overlap, minVotes: values.minVotes, minMajority: values.minMajority },
      });
      location.assign(`/console/${encode(project?.id ?? values.id)}`);
    },
  });
}

/** "Correct*: no fact is wrong" is a rating that is needed, with its description. */
function criteriaOf(text) {
  return text.split('\n').map((line) => line.trim()).filter((line) => line !== '').map((line) => {
    const [, name, star, description] = line.match(/^([^:*]+)(\*?)\s*:?\s*(.*)$/) ?? [null, line, '', ''];
    return { id: name.trim().toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, ''), name: name.trim(), description, required: star === '*' };
  });
}

async function loadUsers() {
  try {
    const users = listOf(await get('/users'));
    fill(byId('users'), table('People and services', ['Name', 'Role', 'Projects'], users.map((user) => [user.name, user.role || '–', projectsOf(user)]),
      'Nobody yet.'));
  } catch (problem) {
    showProblem(byId('users'), problem, button('Try again', loadUsers));
  }
}

function projectsOf(user) {
  if (user.role === 'administrator') return 'all';
  return Object.entries(user.projects ?? {}).map(([project, role]) => `${project === '*' ? 'every project' : project}: ${role}`).join(', ') || 'none yet';
}

function newUser() {
  openForm({
    title: 'Add a person or a service',
    submit: 'Add',
    content: h('div', { class: 'fields' },
      field('name', 'Name', { required: true, maxlength: 100, autocomplete: 'off' }),
      field('password', 'Password', { required: true, type: 'password', minlength: 10, maxlength: 72, autocomplete: 'new-password', hint: 'Hand it over on a safe way.' }),
      choice('role', 'Role', [['labeler', 'labeler: ranks'], ['operator', 'operator: runs a project'], ['service', 'service: reads adapters, posts tasks'], ['administrator', 'administrator: everything, everywhere']]),
      choice('projects', 'In', [['*', 'every project'], ...projects.map((project) => [project.id, project.name || project.id]), ['', 'no project yet']], projects[0]?.id ?? '*')),
    async action(values) {
      await post('/users', { ...values, projects: values.projects ? [values.projects] : [] });
      await loadUsers();
    },
  });
}

byId('new-project')?.addEventListener('click', newProject);
byId('new-user')?.addEventListener('click', newUser);
loadProjects();
if (byId('users')) loadUsers();
