// Word differences between any two outputs of a task.

import { diffWordsWithSpace } from '/webjars/diff/lib/index.mjs';
import { h, byId, fill, button } from './dom.js';

/** Beyond this many differences two texts have nothing in common that would be worth showing. */
const MOST_EDITS = 3_000;
const LONGEST = 60_000;

let texts = [];

/** @param outputs [{letter, body}] in the order shown; @param first index of the one in focus */
export function compare(outputs, first) {
  texts = outputs.map(({ letter, body }) => ({ letter, text: body.innerText.slice(0, LONGEST) }));
  const left = Math.min(first, outputs.length - 1);
  const right = (left + 1) % outputs.length;
  const pick = (id, label, chosen) => h('label', {}, label,
    h('select', { id, onchange: render }, texts.map(({ letter }, i) => h('option', { value: String(i), selected: i === chosen }, `Output ${letter}`))));
  fill(byId('compare'),
    h('h2', { id: 'compare-title' }, 'Differences'),
    h('div', { class: 'compare-tools' }, pick('compare-left', 'From', left), pick('compare-right', 'To', right),
      h('label', { class: 'check' }, h('input', { type: 'checkbox', id: 'compare-inline', checked: localStorage.getItem('podium.compare') === 'inline', onchange: remember }), 'In one text')),
    h('p', { class: 'muted', id: 'compare-summary', role: 'status' }),
    h('div', { id: 'compare-result', class: 'compare', tabindex: '0', autofocus: true, role: 'group', 'aria-label': 'The two outputs, differences marked' }),
    h('div', { class: 'actions' }, button('Close', () => byId('compare').close(), { class: 'button primary' })));
  byId('compare').showModal();
  render();
}

function remember() {
  localStorage.setItem('podium.compare', byId('compare-inline').checked ? 'inline' : 'side');
  render();
}

function render() {
  const left = texts[Number(byId('compare-left').value)];
  const right = texts[Number(byId('compare-right').value)];
  const result = byId('compare-result');
  const parts = diffWordsWithSpace(left.text, right.text, { maxEditLength: MOST_EDITS });
  const inline = byId('compare-inline').checked;
  result.classList.toggle('side', !inline);
  if (!parts) {
    byId('compare-summary').textContent = 'These two have too little in common to mark what differs.';
    fill(result, column(left.letter, [left.text]), column(right.letter, [right.text]));
    return;
  }
  const words = (kind) => parts.filter((part) => part[kind]).reduce((n, part) => n + (part.value.match(/\S+/g)?.length ?? 0), 0);
  byId('compare-summary').textContent = parts.every((part) => !part.added && !part.removed)
    ? 'The two are the same, word for word.'
    : `${counted(words('removed'))} only in ${left.letter}, ${counted(words('added'))} only in ${right.letter}.`;
  const mark = (part) => (part.removed ? h('del', {}, part.value) : part.added ? h('ins', {}, part.value) : part.value);
  if (inline) fill(result, column(`${left.letter} → ${right.letter}`, parts.map(mark)));
  else fill(result, column(left.letter, parts.filter((part) => !part.added).map(mark)), column(right.letter, parts.filter((part) => !part.removed).map(mark)));
}

function column(name, content) {
  return h('section', {}, h('h3', {}, name), h('div', { class: 'compared' }, content));
}

function counted(n) {
  return `${n} ${n === 1 ? 'word' : 'words'}`;
}
