// Passing a task by, and saying that something is wrong with one.

import { request, encode } from './http.js';
import { h, byId, fill, showProblem, button } from './dom.js';

export const REASONS = {
  UNCLEAR: 'I do not understand what is asked',
  NOT_MY_FIELD: 'It needs knowledge that I do not have',
  LANGUAGE: 'It is in a language that I do not read well',
  HARMFUL: 'It is disturbing or harmful',
  PERSONAL_DATA: 'It names or describes a real private person',
  BROKEN: 'Something is broken: empty, cut off, or not a task',
  OTHER: 'Something else',
};

/** @param kind 'skip' or 'flag'; @param done told when the server has it */
export function remark(kind, project, taskId, done) {
  const dialog = byId('remark');
  const problems = h('div', {});
  const send = h('button', { class: 'button primary' }, kind === 'skip' ? 'Skip it' : 'Flag it');
  const form = h('form', { class: 'page-form', onsubmit: async (event) => {
    event.preventDefault();
    send.disabled = true;
    const values = new FormData(form);
    try {
      await request('PUT', `/projects/${encode(project)}/tasks/${encode(taskId)}/${kind}`, { body: { reason: values.get('reason'), note: values.get('note') } });
      dialog.close();
      done();
    } catch (problem) {
      showProblem(problems, problem);
    } finally {
      send.disabled = false;
    }
  } },
  h('fieldset', {}, h('legend', {}, 'Why?'), h('div', { class: 'choices' },
    Object.entries(REASONS).filter(([reason]) => kind === 'skip' || !['NOT_MY_FIELD', 'LANGUAGE'].includes(reason))
      .map(([reason, text], i) => h('label', { class: 'check' }, h('input', { type: 'radio', name: 'reason', value: reason, checked: i === 0, required: true }), text)))),
  h('label', {}, 'Note', h('textarea', { name: 'note', rows: '2', maxlength: '2000' }), h('span', { class: 'hint' }, 'For the people who run the project. Needed for “something else”.')),
  problems,
  h('div', { class: 'actions' }, send, button('Cancel', () => dialog.close(), { class: 'button quiet' })));
  fill(dialog,
    h('h2', { id: 'remark-title' }, kind === 'skip' ? 'Skip this task' : 'Flag this task'),
    h('p', { class: 'muted' }, kind === 'skip'
      ? 'Somebody else gets it; it will not come back to you. Your reason is kept.'
      : 'You can rank it all the same. Flag what an operator should look at.'),
    form);
  dialog.showModal();
}
