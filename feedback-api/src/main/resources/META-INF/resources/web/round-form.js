// The form that starts a round: per kind what matters most, the rest folded away. Empty fields take the defaults.

import { request, encode } from './http.js';
import { h, fill } from './dom.js';
import { openForm, field, check, choice } from './form.js';

const KINDS = [
  ['SAMPLE', 'Sample', 'fresh outputs to rank'],
  ['SFT', 'SFT', 'imitate given answers'],
  ['REWARD', 'Reward', 'learn what people prefer'],
  ['DPO', 'DPO', 'preferences into the policy'],
  ['PPO', 'PPO', 'maximise the reward model'],
];
const RATES = { SFT: 2e-4, REWARD: 1e-4, DPO: 5e-6, PPO: 3e-6 };
const FORMATS = [['float32', 'float32'], ['bfloat16', 'bfloat16 (half)'], ['int8', 'int8 (a quarter)'], ['nf4', 'NF4 (an eighth)']];
const SFT_METHODS = [['lora', 'an adapter (LoRA)'], ['full', 'every weight: a whole model']];
const FULL_RATE = 2e-5;
const REWARD_LOSSES = [['bradley_terry', 'decided pairs'], ['davidson', 'pairs and ties'], ['plackett_luce', 'whole rankings']];
const DPO_LOSSES = ['sigmoid', 'cdpo', 'robust', 'hinge', 'ipo', 'sigmoid_norm', 'exo_pair', 'nca_pair', 'bco_pair', 'sppo_hard', 'apo_zero', 'apo_down',
  'discopop', 'simpo', 'orpo'].map((loss) => [loss, loss]).concat([['plackett_luce', 'plackett_luce (whole rankings)'], ['kto', 'kto (unacceptable marks)']]);
const ADVANTAGES = [['gae', 'a value model (PPO)'], ['rloo', 'the others of the prompt (RLOO)'], ['grpo', 'the group (GRPO)'], ['dr_grpo', 'the group, not scaled (Dr. GRPO)']];
const SELECTIONS = [['all', 'as they come'], ['disagreement', 'where a reward ensemble disagrees']];
const PUBLISH = [['improved', 'better on held-out data'], ['not_worse', 'not worse on held-out data'], ['always', 'whatever comes out']];
const TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

const numeric = (name, label, value, options = {}) => field(name, label, { type: 'text', inputmode: 'decimal', 'data-number': true, value: String(value), pattern: '-?[0-9]*\\.?[0-9]+([eE][\\-+]?[0-9]+)?', required: true, ...options });
const whole = (name, label, value, options = {}) => field(name, label, { type: 'number', min: 0, step: 1, value, required: true, ...options });

/** Fields of a kind beyond the shared ones: first the important, then the rest. */
const OWN = {
  SAMPLE: () => [[whole('outputsPerPrompt', 'Outputs per prompt', 4, { min: 2, max: 9 }),
    whole('maxPrompts', 'Prompts at most', 1000, { min: 1 }), whole('maxNewTokens', 'New tokens at most', 128, { min: 1 }),
    numeric('temperature', 'Temperature', 1.0), check('mixWithBase', 'Mix with the base model, blindly', false)],
  [numeric('uniformShare', 'Share drawn at random', 0.1, { hint: 'of prompts selected by disagreement' }), whole('candidates', 'Completions to judge', 4, { min: 2, max: 64, hint: 'of each prompt, to select' }), whole('topK', 'Top-k', 0, { hint: '0 = off' }), numeric('topP', 'Top-p', 1.0)]],
  SFT: () => [[choice('method', 'Train', SFT_METHODS, 'lora')], [check('completionOnly', 'Loss on the completion only', true)]],
  REWARD: () => [[choice('loss', 'Learn from', REWARD_LOSSES, 'bradley_terry'),
    whole('members', 'Models in the ensemble', 1, { min: 1, max: 8, hint: 'more say where they disagree' })],
  [numeric('centering', 'Centring', 0.01, { hint: 'keeps rewards near 0' }), numeric('labelSmoothing', 'Label smoothing', 0, { hint: 'for pairs' }),
    numeric('rankGapMargin', 'Margin per rank', 0, { hint: 'for pairs, 0 = off' }), numeric('minAccuracy', 'Least held-out accuracy', 0, { hint: 'to be published, 0 = off' })]],
  DPO: () => [[numeric('beta', 'Beta', 0.1, { hint: 'pull towards the reference' }), choice('loss', 'Loss', DPO_LOSSES, 'sigmoid')],
    [numeric('labelSmoothing', 'Label smoothing', 0), numeric('rankGapMargin', 'Margin per rank', 0, { hint: '0 = off' }),
      numeric('sftWeight', 'Imitate the chosen', 0, { hint: '0 = off' }), check('voteWeights', 'Clear votes count more', false),
      numeric('desirableWeight', 'Weight of unmarked', 1, { hint: 'for kto' }), numeric('undesirableWeight', 'Weight of marked', 1, { hint: 'for kto' }),
      numeric('minAccuracy', 'Least held-out accuracy', 0, { hint: 'to be published, 0 = off' })]],
  PPO: () => [[whole('totalPrompts', 'Prompts in all', 256, { min: 1 }), numeric('klCoefficient', 'KL weight', 0.05, { hint: 'pull towards the reference' }),
    whole('maxNewTokens', 'New tokens at most', 64, { min: 1 }), numeric('temperature', 'Temperature', 0.7),
    choice('advantage', 'Advantage by', ADVANTAGES, 'gae')],
  [whole('samplesPerPrompt', 'Completions of each prompt', '', { min: 1, max: 64, required: false, placeholder: '1, or 4 for a group' }),
    numeric('adaptiveKl', 'Steer the KL to', 0, { hint: '0 = off' }), numeric('maxKl', 'KL of a collapse', 0, { hint: 'back to a checkpoint, 0 = off' }),
    numeric('spreadPenalty', 'Penalty for disagreement', 0, { hint: 'of a reward ensemble, 0 = off' }), whole('ppoEpochs', 'Passes per batch', 4, { min: 1 }), whole('miniBatches', 'Mini-batches', 1, { min: 1 }), numeric('clip', 'Ratio clip', 0.2),
    numeric('valueClip', 'Value clip', 0.2), numeric('valueCoefficient', 'Value weight', 0.1), numeric('gamma', 'Gamma', 1.0), numeric('lambda', 'Lambda', 0.95),
    numeric('missingEndPenalty', 'Penalty for no end', 0, { hint: '0 = off' }), numeric('targetKl', 'Target KL', 0, { hint: '0 = off' })]],
};

/** Opens the form; `adapters` are manifests, for the choice of where to start. */
export function openRoundForm({ project, baseModel, adapters, started }) {
  const fields = h('div', { class: 'page-form' });
  let key = crypto.randomUUID();
  const kinds = h('fieldset', {}, h('legend', {}, 'What shall be done?'),
    h('div', { class: 'kinds' }, KINDS.map(([kind, label, hint]) => h('label', { class: 'kind' },
      h('input', { type: 'radio', name: 'kind', value: kind, checked: kind === 'REWARD', onchange: () => { fill(fields, fieldsOf(kind)); } }),
      label, h('span', { class: 'hint' }, hint)))));

  function fieldsOf(kind) {
    key = crypto.randomUUID();
    const training = kind !== 'SAMPLE';
    const [important, rest] = OWN[kind]();
    const starts = adapters.filter((a) => a.kind === 'MODEL' || (a.kind === 'POLICY' && kind !== 'REWARD'))
      .map((a) => [a.version, `${a.version} (${a.kind === 'MODEL' ? 'whole model' : a.roundKind})`]);
    const policies = adapters.filter((a) => a.kind === 'POLICY').map((a) => [a.version, `${a.version} (${a.roundKind})`]);
    const rewards = adapters.filter((a) => a.kind === 'REWARD').map((a) => [a.version, a.version]);
    return [
      h('div', { class: 'fields' },
        (kind !== 'REWARD' || starts.length > 0) && choice('initialAdapter', kind === 'SAMPLE' ? 'Sample from' : 'Start from', [['', `${baseModel} (base)`], ...starts], ''),
        kind === 'SAMPLE' && [choice('mixWith', 'Mix with, blindly', [['', 'no other'], ...policies], ''),
          choice('select', 'Prompts', SELECTIONS, 'all')],
        (kind === 'PPO' || kind === 'SAMPLE') && choice('rewardAdapter', 'Reward model', [['', 'the newest'], ...rewards], '', kind === 'SAMPLE' ? 'whose disagreement selects; an ensemble' : rewards.length === 0 ? 'There is none yet: run a REWARD round first.' : undefined),
        training && numeric('training.learningRate', 'Learning rate', RATES[kind].toExponential().replace('e', 'e')),
        training && kind !== 'PPO' && numeric('training.epochs', 'Epochs', 1),
        training && whole('training.batchTasks', { SFT: 'Records per step', PPO: 'Prompts per step' }[kind] ?? 'Tasks per step', 4, { min: 1 }),
        training && choice('lora.r', 'LoRA rank', [8, 16, 32, 64].map((r) => [String(r), String(r)]), '16'),
        important),
      kind === 'SAMPLE' && records('prompts', 'Prompts', 'One prompt per line. Empty: the prompts of the project’s tasks.'),
      kind === 'SFT' && records('records', 'Records', 'JSON Lines: {"input", "output"}, {"instruction", "input", "output"} or {"prompt", "completion"}.', true),
      kind === 'PPO' && records('prompts', 'Prompts', 'One prompt per line. Empty: the prompts of the project’s tasks.'),
      h('details', {}, h('summary', {}, 'More settings'), h('div', { class: 'fields' },
        whole('seed', 'Seed', 1),
        rest,
        training && [numeric('lora.alpha', 'LoRA alpha', 32), numeric('lora.dropout', 'LoRA dropout', 0),
          whole('training.maxLengthTokens', 'Tokens at most', 1024, { min: 8, hint: 'longer ones are left out and counted' }),
          numeric('training.maxGradientNorm', 'Gradient clip', 1.0), numeric('training.spikeFactor', 'Spike', 10, { hint: 'times the usual, then skipped; 0 = off' }),
          choice('training.publishIf', 'Publish if', PUBLISH, kind === 'REWARD' ? 'improved' : 'not_worse'), numeric('training.warmupShare', 'Warm-up share', 0),
          numeric('training.heldOutShare', 'Held-out share', 0.1), whole('training.checkpointSteps', 'Steps per checkpoint', 20, { min: 1 }),
          choice('training.baseFormat', 'Base in memory as', FORMATS, 'float32'),
          check('training.recompute', 'Compute activations again (less memory, slower)', false),
          h('fieldset', { class: 'full' }, h('legend', {}, 'LoRA on'), h('div', { class: 'actions' }, TARGETS.map((t) => check(`target.${t}`, t, true))))])),
    ];
  }

  // What suits an adapter ruins a model.
  fields.addEventListener('change', (event) => {
    if (event.target.name === 'method') {
      const rate = fields.querySelector('[name="training.learningRate"]');
      rate.value = (event.target.value === 'full' ? FULL_RATE : RATES.SFT).toExponential();
    }
  });
  fill(fields, fieldsOf('REWARD'));
  openForm({
    title: 'Start a round',
    submit: 'Start',
    content: [kinds, fields],
    async action(values, form) {
      const body = await bodyOf(values, form);
      const { body: round } = await request('POST', `/projects/${encode(project)}/rounds`, { body, headers: { 'Idempotency-Key': key } });
      started(round);
    },
  });
}

function records(name, label, hint, required = false) {
  return h('div', { class: 'fields' },
    h('label', { class: 'full' }, label, h('textarea', { name, rows: '4', spellcheck: 'false' }), h('span', { class: 'hint' }, hint)),
    h('label', { class: 'full' }, required ? 'or a file of them' : 'or a file', h('input', { type: 'file', name: `${name}File`, accept: '.jsonl,.json,.txt,.ndjson' })));
}

async function bodyOf(values, form) {
  const config = { kind: values.kind };
  const targets = [];
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || ['kind', 'initialAdapter', 'rewardAdapter', 'prompts', 'records', 'promptsFile', 'recordsFile'].includes(name)) continue;
    const [first, second] = name.split('.');
    if (first === 'target') {
      if (value) targets.push(second);
    } else if (second) {
      config[first] = { ...config[first], [second]: typeof value === 'boolean' || Number.isNaN(Number(value)) ? value : Number(value) };
    } else {
      config[first] = value;
    }
  }
  if (config.lora) config.lora.targets = targets;
  const body = { kind: values.kind, config };
  if (values.initialAdapter) body.initialAdapter = values.initialAdapter;
  if (values.rewardAdapter) body.rewardAdapter = values.rewardAdapter;
  for (const name of ['prompts', 'records']) {
    const lines = await linesOf(form, name);
    if (lines.length > 0) body[name] = lines.map((line, i) => parsed(line, i, name));
  }
  return body;
}

async function linesOf(form, name) {
  const file = form.elements[`${name}File`]?.files?.[0];
  const text = file ? await file.text() : form.elements[name]?.value ?? '';
  return text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
}

function parsed(line, index, name) {
  if (!/^[[{"]/.test(line)) {
    if (name === 'records') throw new Error(`Line ${index + 1} is not a JSON object.`);
    return line;
  }
  try {
    const value = JSON.parse(line);
    return name === 'prompts' && value.prompt !== undefined ? value.prompt : value;
  } catch {
    throw new Error(`Line ${index + 1} is not JSON.`);
  }
}
