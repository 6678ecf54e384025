// Forms in the page's dialog: fields, values by type, problems shown where the eye is.

import { h, byId, fill, showProblem, button } from './dom.js';

/** A labelled field; `options` are attributes, plus `hint`. */
export function field(name, label, { hint, ...options } = {}) {
  const id = hint && `hint-${name.replaceAll('.', '-')}`;
  return h('label', {}, label, h('input', { name, ...options, 'aria-describedby': id || undefined }), hint && h('span', { class: 'hint', id }, hint));
}

export function choice(name, label, options, selected, hint) {
  return h('label', {}, label, h('select', { name }, options.map(([value, text]) =>
    h('option', { value, selected: value === selected }, text))), hint && h('span', { class: 'hint' }, hint));
}

export function check(name, label, checked) {
  return h('label', { class: 'check' }, h('input', { type: 'checkbox', name, checked: Boolean(checked) }), label);
}

/** Values by name: numbers from number fields, booleans from check boxes, text trimmed but for passwords. */
export function valuesOf(form) {
  const values = {};
  for (const element of form.elements) {
    if (!element.name || (element.type === 'radio' && !element.checked)) continue;
    if (element.type === 'checkbox') values[element.name] = element.checked;
    else if (element.type === 'number' || element.dataset.number !== undefined) values[element.name] = element.value === '' ? undefined : Number(element.value);
    else values[element.name] = element.type === 'password' ? element.value : element.value.trim();
  }
  return values;
}

/** Opens the dialog with a form; `action(values)` runs on submit, closes the dialog unless it throws. */
export function openForm({ title, submit, content, action, danger = false }) {
  const dialog = byId('dialog');
  const problems = h('div', {});
  const send = h('button', { class: `button ${danger ? 'danger' : 'primary'}` }, submit);
  const form = h('form', { onsubmit: async (event) => {
    event.preventDefault();
    if (send.disabled) return;
    send.disabled = true;
    try {
      fill(problems);
      await action(valuesOf(form), form);
      dialog.close();
    } catch (problem) {
      showProblem(problems, problem);
      problems.scrollIntoView({ block: 'nearest' });
    } finally {
      send.disabled = false;
    }
  } }, h('div', { class: 'page-form' }, content, problems,
    h('div', { class: 'actions' }, send, button('Cancel', () => dialog.close(), { class: 'button quiet' }))));
  fill(dialog, h('h2', { id: 'dialog-title' }, title), form);
  dialog.showModal();
  return { dialog, form };
}
