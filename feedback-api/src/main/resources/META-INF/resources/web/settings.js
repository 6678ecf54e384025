// What a project asks of its labelers, and how their work is given out and summed up.

import { get, put, encode } from './http.js';
import { h, byId, fill, notice, showProblem } from './dom.js';
import { openForm, field, choice, check } from './form.js';
import { criteriaOf, textOf } from './criteria.js';

const AGGREGATIONS = [['majority', 'majority of each pair'], ['bradley_terry', 'Bradley-Terry scores'], ['kemeny', 'Kemeny: the order against the fewest votes']];

/** Opens the settings of a project; `changed` runs after they are saved. */
export async function openSettings(project, changed) {
  const base = `/projects/${encode(project)}`;
  let about;
  let work;
  try {
    [about, work] = await Promise.all([get(base), get(`${base}/work-rules`)]);
  } catch (problem) {
    showProblem(byId('notice'), problem);
    return;
  }
  const { rules } = about;
  const number = (name, label, value, options = {}) => field(name, label, { type: 'number', step: 'any', value, required: true, ...options });
  openForm({
    title: 'Settings',
    submit: 'Save',
    content: [
      h('div', { class: 'fields' },
        field('name', 'Name', { required: true, maxlength: 200, value: about.name }),
        h('label', { class: 'full' }, 'Guidelines', h('textarea', { name: 'guidelines', rows: '8', maxlength: '20000', value: about.guidelines }))),
      h('fieldset', {}, h('legend', {}, 'Ranking rules, for tasks that come from now on'), h('div', { class: 'fields' },
        check('tiesAllowed', 'Ties are allowed', rules.tiesAllowed),
        number('topK', 'Places to fill', rules.topK, { min: 0, max: 9, step: 1, hint: '0 = all outputs' }),
        number('overlap', 'Labelers per task', rules.overlap, { min: 1, max: 100, step: 1 }),
        number('minVotes', 'Votes to decide a pair', rules.minVotes, { min: 0.1 }),
        number('minMajority', 'Majority to decide a pair', rules.minMajority, { min: 0, max: 1, hint: '0 = any, 1 = unanimous' }),
        h('label', { class: 'full' }, 'Ratings besides the places', h('textarea', { name: 'criteria', rows: '3', maxlength: '4000', placeholder: 'Correct*: no fact is wrong\nTone', value: textOf(rules.criteria ?? []) }),
          h('span', { class: 'hint' }, 'One a line: name, then a colon and when to give which rating. A star makes it needed.')))),
      h('fieldset', {}, h('legend', {}, 'How work is given out'), h('div', { class: 'fields' },
        check('activeSampling', 'The most uncertain task first', work.activeSampling),
        number('uniformShare', 'Share drawn at random', work.uniformShare, { min: 0.1, max: 1 }),
        number('goldShare', 'Share with a known answer', work.goldShare, { min: 0, max: 0.5 }),
        number('goldTasksBeforePause', 'Known answers before a pause', work.goldTasksBeforePause, { min: 1, max: 1000, step: 1 }),
        number('goldThreshold', 'Right pairs, at least', work.goldThreshold, { min: 0, max: 1, hint: 'else the labeler is paused' }),
        number('estimateEveryHours', 'Publish weights every, hours', work.estimateEveryHours, { min: 0, step: 1, hint: '0 = by hand' }))),
      h('fieldset', {}, h('legend', {}, 'How votes are summed up'), h('div', { class: 'fields' },
        choice('aggregation', 'Method', AGGREGATIONS, work.aggregation),
        number('aggregationRidge', 'Ridge', work.aggregationRidge, { min: 0.001, max: 100, hint: 'of Bradley-Terry' }),
        check('listwiseFromAggregation', 'Lists are exported in this order', work.listwiseFromAggregation)))],
    async action(values) {
      const pick = (...names) => Object.fromEntries(names.map((name) => [name, values[name]]));
      await put(base, { name: values.name, guidelines: values.guidelines, rules: { ...pick('tiesAllowed', 'topK', 'overlap', 'minVotes', 'minMajority'), criteria: criteriaOf(values.criteria, rules.criteria) } });
      await put(`${base}/work-rules`, pick('activeSampling', 'uniformShare', 'goldShare', 'goldTasksBeforePause', 'goldThreshold', 'estimateEveryHours', 'aggregation', 'aggregationRidge', 'listwiseFromAggregation'));
      fill(byId('notice'), notice('good', 'Saved. Tasks that are there keep the ranking rules they came with.'));
      await changed();
    },
  });
}
