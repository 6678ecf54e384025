// Small charts of bars: drawn as SVG, with the same figures as a table for those who do not see it.

import { h, fill, number, table } from './dom.js';

const FEW = 8;
const SVG = 'http://www.w3.org/2000/svg';

function s(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** `rows` are `{label, value, low, high, note}`; value, low and high from 0 to `max`. */
export function bars(place, { title, rows, max, format = number, empty }) {
  if (rows.length === 0) {
    fill(place, h('h2', {}, title), h('p', { class: 'empty' }, empty));
    return;
  }
  const top = max ?? Math.max(1, ...rows.map((row) => row.value));
  // Few bars stay bars.
  const few = rows.length < FEW;
  const width = 100 / Math.max(rows.length, FEW);
  const svg = s('svg', { viewBox: '0 0 100 40', preserveAspectRatio: 'none', class: 'bars', role: 'img', 'aria-label': `${title}: ${rows.map((row) => `${row.label} ${format(row.value)}`).slice(-12).join(', ')}` },
    ...rows.flatMap((row, i) => {
      const height = 38 * Math.min(1, row.value / top);
      const bar = s('rect', { x: (i * width + width * 0.1).toFixed(2), y: (39 - height).toFixed(2), width: (width * 0.8).toFixed(2), height: Math.max(0.3, height).toFixed(2) });
      bar.append(s('title', {}, `${row.label}: ${format(row.value)}${row.note ? `, ${row.note}` : ''}`));
      return [bar];
    }));
  fill(place, h('h2', {}, title), svg,
    h('p', { class: 'axis muted small' }, few ? h('span', {}, rows.map((row) => row.label).join(', ')) : [h('span', {}, rows[0].label), h('span', {}, rows.at(-1).label)]),
    h('details', {}, h('summary', { class: 'small' }, 'As a table'),
      table(title, ['', 'Value', ''], rows.map((row) => [row.label, format(row.value), row.note ?? '']), '')));
}
