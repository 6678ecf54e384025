// A labeler's own work: progress, earlier rankings, and the history of one.

import { get, listOf, encode } from './http.js';
import { h, byId, fill, showProblem, button, when, duration } from './dom.js';

const PAGE = 50;

/** The start of today where the labeler is, as an instant. */
function today() {
  const now = new Date();
  return new Date(now.getFullYear(), now.getMonth(), now.getDate()).toISOString();
}

export const summary = (base) => get(`${base}/rankings/mine/summary?since=${encode(today())}`);

/** @param open called with a task id */
export async function showOwnWork(base, open) {
  const dialog = byId('mine');
  dialog.showModal();
  const figures = byId('mine-figures');
  const list = byId('mine-list');
  fill(list, h('p', { class: 'muted' }, 'Loading…'));
  summary(base).then((s) => fill(figures, progress(s)), () => fill(figures));
  try {
    const rankings = listOf(await get(`${base}/rankings/mine?limit=${PAGE}`));
    if (rankings.length === 0) {
      fill(list, h('p', { class: 'empty' }, 'Nothing yet. What you submit appears here.'));
      return;
    }
    const entries = h('ul', { class: 'mine' }, rankings.map((ranking) => entry(ranking, open)));
    fill(list, entries, rankings.length === PAGE && more(base, entries, rankings.at(-1), open));
  } catch (problem) {
    showProblem(list, problem);
  }
}

function more(base, entries, last, open) {
  const next = button('Show earlier ones', async () => {
    const rankings = listOf(await get(`${base}/rankings/mine?limit=${PAGE}&before=${encode(last.at)}&beforeTask=${encode(last.taskId)}`));
    const added = rankings.map((ranking) => entry(ranking, open));
    entries.append(...added);
    added[0]?.querySelector('button').focus();
    if (rankings.length < PAGE) next.remove();
    else next.replaceWith(more(base, entries, rankings.at(-1), open));
  }, { class: 'button quiet' });
  return next;
}

function progress(s) {
  const figure = (name, value, hint) => h('div', { class: 'figure' }, h('span', { class: 'value' }, value), h('span', { class: 'name' }, name), hint && h('span', { class: 'name' }, hint));
  const share = s.pairsCompared > 0 ? `${Math.round((100 * s.pairsAgreed) / s.pairsCompared)} %` : '–';
  return h('div', { class: 'figures' },
    figure('today', String(s.sinceRankings), s.sinceMillis > 0 ? duration(s.sinceMillis / 1000) : undefined),
    figure('in all', s.rankings.toLocaleString('en'), s.millis > 0 ? duration(s.millis / 1000) : undefined),
    figure('typical time', s.medianMillis > 0 ? duration(s.medianMillis / 1000) : '–', 'half take longer'),
    s.sharedTasks > 0
      ? figure('agreement', share, `${s.sharedTasks.toLocaleString('en')} tasks were ranked by others too`)
      : figure('agreement', '–', 'known once others rank your tasks too'),
    s.skipped > 0 && figure('skipped', String(s.skipped)));
}

function entry(ranking, open) {
  const prompt = ranking.prompt?.at(-1)?.content ?? `Task ${ranking.taskId}`;
  return h('li', {}, h('button', { type: 'button', class: 'mine-entry', onclick: () => { byId('mine').close(); open(ranking.taskId); } },
    h('span', { class: 'mine-text' }, prompt.slice(0, 160)),
    h('span', { class: 'muted small' }, `${(ranking.groups ?? []).length} places`, ranking.revision > 1 ? ` · changed ${ranking.revision - 1}×` : '', ' · ', when(ranking.at))));
}

/** All revisions of one ranking; @param use called with the one that the labeler wants back. */
export async function showHistory(base, view, use) {
  const dialog = byId('history');
  dialog.showModal();
  const place = byId('history-list');
  fill(place, h('p', { class: 'muted' }, 'Loading…'));
  try {
    const revisions = listOf(await get(`${base}/tasks/${encode(view.task.id)}/revisions`));
    fill(place, h('ol', { class: 'revisions' }, revisions.map((revision, i) => h('li', {},
      h('div', {},
        h('strong', {}, `Revision ${revision.revision}`), ' ', h('span', { class: 'muted small' }, when(revision.at), i === 0 ? ' · counts now' : ''),
        h('p', { class: 'order' }, revision.retracted ? 'Taken back' : revision.groups.map((group) => group.map((id) => view.letters.get(id) ?? '?').join(' = ')).join('  >  ')),
        revision.unacceptable.length > 0 && h('p', { class: 'small muted' }, `Unacceptable: ${revision.unacceptable.map((id) => view.letters.get(id)).join(', ')}`),
        revision.comment && h('p', { class: 'small comment-text' }, `“${revision.comment}”`)),
      !revision.retracted && button('Use this one', () => { dialog.close(); use(revision); }, { class: 'button small', 'aria-label': `Use revision ${revision.revision}` })))),
    revisions.at(-1)?.revision > 1 && h('p', { class: 'muted small' }, 'Earlier ones are in the log alone.'));
  } catch (problem) {
    showProblem(place, problem);
  }
}
