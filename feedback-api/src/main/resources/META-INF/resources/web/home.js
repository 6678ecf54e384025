import { get, listOf, encode } from './http.js';
import { h, byId, fill, showProblem, button } from './dom.js';

const operator = document.body.dataset.operator === 'true';

async function load() {
  const list = byId('projects');
  try {
    const projects = listOf(await get('/projects'));
    list.setAttribute('aria-busy', 'false');
    fill(byId('notice'));
    fill(list, projects.length > 0 ? projects.map(tile) : empty());
  } catch (problem) {
    fill(list);
    showProblem(byId('notice'), problem, button('Try again', load));
  }
}

function tile(project) {
  return h('li', { class: 'tile' },
    h('h2', {}, project.name || project.id),
    h('p', { class: 'muted clamp' }, project.guidelines ? plain(project.guidelines) : 'No guidelines yet.'),
    h('p', { class: 'actions' },
      h('a', { class: 'button primary', href: `/label/${encode(project.id)}` }, 'Start ranking'),
      operator && h('a', { class: 'button', href: `/console/${encode(project.id)}` }, 'Console')));
}

function plain(markdown) {
  return markdown.replace(/[#*_`>|]+/g, '').replace(/\s+/g, ' ').trim().slice(0, 200);
}

function empty() {
  return h('li', { class: 'tile wide' },
    h('h2', {}, 'There is nothing to rank yet'),
    operator
      ? h('p', {}, 'Create a project in the ', h('a', { href: '/console' }, 'console'), ' and import tasks, or sample outputs from a model.')
      : h('p', {}, 'Your operator has not set up a project yet. Come back later.'));
}

load();
