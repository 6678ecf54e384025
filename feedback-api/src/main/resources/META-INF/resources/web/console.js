// The operator's start page: projects with what they hold; for administrators all that concerns every project.

import { get, post, listOf, encode } from './http.js';
import { h, byId, fill, showProblem, button, table, when, number, bytes } from './dom.js';
import { openForm, field, check } from './form.js';
import { startOperations } from './operations.js';
import { criteriaOf } from './criteria.js';

let projects = [];
const many = (n, what) => `${number(n)} ${what}${n === 1 ? '' : 's'}`;

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
    facts.textContent = [project.baseModel ?? '', many(progress.tasks, 'task'), many(progress.rankings, 'ranking'), many(progress.pairs, 'pair')].join(' · ');
  }, () => { /* the tile is useful without its figures */ });
  return h('li', { class: 'tile' },
    h('h2', {}, h('a', { href: `/console/${encode(project.id)}` }, project.name || project.id)),
    facts,
    h('p', { class: 'actions' },
      h('a', { class: 'button', href: `/console/${encode(project.id)}` }, 'Open'),
      h('a', { class: 'button quiet', href: `/label/${encode(project.id)}` }, 'Rank')));
}

async function newProject() {
  const presets = listOf(await get('/presets').catch(() => []));
  const { form } = openForm({
    title: 'New project',
    submit: 'Create',
    content: [
      h('div', { class: 'fields' },
        h('label', { class: 'full' }, 'Begin with', h('select', { name: 'preset', onchange: (event) => take(presets.find((preset) => preset.id === event.target.value)) },
          h('option', { value: '' }, 'nothing'), presets.map((preset) => h('option', { value: preset.id }, preset.name))),
        h('span', { class: 'hint' }, 'Guidelines and rules for a domain, to be changed as you like')),
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

  function take(preset) {
    if (!preset) return;
    form.elements.guidelines.value = preset.guidelines;
    for (const [name, value] of Object.entries(preset.rules)) {
      const element = form.elements[name];
      if (element?.type === 'checkbox') element.checked = value;
      else if (element) element.value = value;
    }
  }
}

async function collect(remove) {
  const place = byId('storage');
  fill(place, h('p', { class: 'muted' }, 'Reading all chunks…'));
  try {
    const done = await post('/artifacts/collection', { dryRun: !remove });
    const { chunks } = done;
    const garbage = chunks.garbageArtifacts.length + done.garbageObjects.length;
    const found = garbage === 0
      ? 'Nothing is to be removed.'
      : `${number(garbage)} of them ${garbage === 1 ? 'is' : 'are'} ${remove ? 'removed' : 'needed by nothing'}, ${bytes(chunks.garbageBytes + done.garbageObjectBytes)} in all.`;
    const young = chunks.young > 0 && ` ${number(chunks.young)} more that nothing needs ${chunks.young === 1 ? 'is' : 'are'} younger than ${many(done.graceHours, 'hour')}, and left alone until then.`;
    fill(place,
      h('p', {}, `${many(chunks.artifacts, 'artifact')} in ${many(chunks.chunks, 'chunk')}. ${found}`, young),
      !remove && garbage > 0 && button('Remove them', () => collect(true), { class: 'button danger' }));
    if (remove && byId('collections').open) await showCollections();
  } catch (problem) {
    showProblem(place, problem, button('Try again', () => collect(remove)));
  }
}

async function showCollections() {
  const place = byId('collections').querySelector('div');
  try {
    const all = listOf(await get('/artifacts/collection')).filter((one) => !one.dryRun);
    fill(place, table('Earlier removals', ['When', 'Who', 'Artifacts', 'In the object store', 'Size'], all.map((one) => [
      when(one.endedAt), one.startedBy, number(one.chunks.garbageArtifacts.length), number(one.garbageObjects.length), bytes(one.chunks.garbageBytes + one.garbageObjectBytes)]),
    'Nothing was removed yet.'));
  } catch (problem) {
    showProblem(place, problem);
  }
}

byId('collect')?.addEventListener('click', () => collect(false));
byId('collections')?.addEventListener('toggle', (event) => { if (event.target.open) showCollections(); });
byId('new-project')?.addEventListener('click', newProject);
loadProjects();
if (byId('users')) startOperations();
