// For operators: what labelers skipped and flagged, and whether the place on screen sways them.

import { get, post, listOf, encode } from './http.js';
import { h, byId, fill, showProblem, button, table, when, number } from './dom.js';
import { REASONS } from './remarks.js';

const { project } = document.body.dataset;
const base = `/projects/${encode(project)}`;

async function loadRemarks() {
  const place = byId('remarks-list');
  try {
    const remarks = listOf(await get(`${base}/remarks?settled=${byId('with-settled').checked}`));
    fill(place, table('Skips and flags', ['What', 'Why', 'Task', 'Who', ''], remarks.map((r) => [
      h('strong', {}, r.kind === 'SKIP' ? 'Skipped' : 'Flagged'),
      h('div', { class: 'cell-text' }, REASONS[r.reason] ?? r.reason, r.note && h('p', { class: 'comment-text' }, `“${r.note}”`)),
      h('div', { class: 'cell-text muted' }, r.prompt, ' ', h('a', { class: 'small', href: `/console/${encode(project)}/quality?task=${encode(r.taskId)}` }, 'Look at it')),
      h('div', {}, r.labeler, h('div', { class: 'small muted' }, when(r.at))),
      r.settledAt
        ? h('span', { class: 'small muted' }, 'settled by ', r.settledBy)
        : h('div', { class: 'actions' },
          button('Settle', () => act('settle', r), { class: 'button small', 'aria-label': `Settle the ${r.kind.toLowerCase()} by ${r.labeler}` }),
          r.kind === 'SKIP' && button('Offer again', () => act('offer-again', r), { class: 'button small', 'aria-label': `Offer the task to ${r.labeler} again` })),
    ]), 'Nothing to look at. What labelers skip or flag appears here, with their reason.'));
  } catch (problem) {
    showProblem(place, problem, button('Try again', loadRemarks));
  }
}

async function act(what, { taskId, labeler, kind }) {
  try {
    await post(`${base}/remarks/${what}`, { taskId, labeler, kind });
    fill(byId('notice'));
  } catch (problem) {
    showProblem(byId('notice'), problem);
  }
  await loadRemarks();
}

async function loadBias() {
  const place = byId('bias-list');
  try {
    const { all, labelers } = await get(`${base}/position-bias`);
    byId('bias-all').textContent = all.rankings === 0 ? '' : `In all ${number(all.rankings)} rankings the output shown first won ${percent(all.share)}; by chance it would be ${percent(all.expected)}.`;
    fill(place, table('Position bias', ['Labeler', 'Rankings', 'First shown won', 'By chance', 'p', 'Wins by position', ''], labelers.map((l) => [
      l.labeler, number(l.rankings), percent(l.share), percent(l.expected), probability(l.adjusted), l.winsByPosition.join(' · '),
      l.biased ? h('span', { class: 'state FAILED' }, 'sways') : h('span', { class: 'muted small' }, l.rankings < 20 ? 'few rankings' : 'as by chance'),
    ]), 'No ranking with a sole winner yet.'));
  } catch (problem) {
    showProblem(place, problem, button('Try again', loadBias));
  }
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function probability(p) {
  return p < 0.0001 ? '< 0.0001' : p.toFixed(4);
}

byId('with-settled').addEventListener('change', loadRemarks);
loadRemarks();
loadBias();
