// Code in colours and mathematics typeset, after the text is on screen. Both start from the inert text that the server
// sent and make elements from data; where either gives up, the plain text stays.

import { h, fill } from './dom.js';

const LONGEST_CODE = 20_000;
const LONGEST_FORMULA = 2_000;
const MOST_FORMULAS = 200;
const WORKER_MILLIS = 1_500;

export function dress(root) {
  colour(root);
  typeset(root);
}

// ---------------------------------------------------------------- code

let worker = null;
let isReady = false;
let unsent = [];
let nextId = 0;
const asked = new Map();

function colour(root) {
  for (const code of root.querySelectorAll('pre > code[class^="language-"]')) {
    // Chips for hidden characters stay: such code is not coloured.
    if (code.childElementCount > 0 || code.textContent.length > LONGEST_CODE) continue;
    ask(code, code.className.slice('language-'.length).toLowerCase());
  }
}

function ask(code, language) {
  worker ??= start();
  const id = nextId++;
  const send = () => {
    asked.set(id, { code, timer: setTimeout(giveUp, WORKER_MILLIS) });
    worker.postMessage({ id, language, text: code.textContent });
  };
  // Loading the worker may take longer than any text should.
  if (isReady) send();
  else unsent.push(send);
}

function start() {
  const started = new Worker('/web/code-worker.js');
  started.onmessage = ({ data: { ready, id, tokens } }) => {
    if (ready) {
      isReady = true;
      const sends = unsent;
      unsent = [];
      sends.forEach((send) => send());
      return;
    }
    const { code, timer } = asked.get(id) ?? {};
    clearTimeout(timer);
    asked.delete(id);
    if (tokens && code) fill(code, tokens.map(token));
  };
  started.onerror = giveUp;
  return started;
}

/** What was asked for stays plain; the next text gets a worker of its own. */
function giveUp() {
  worker?.terminate();
  worker = null;
  isReady = false;
  unsent = [];
  for (const { timer } of asked.values()) clearTimeout(timer);
  asked.clear();
}

function token(node) {
  if (typeof node === 'string') return node;
  const kind = node.scope.split('.')[0];
  return h('span', { class: /^[a-z_-]{1,30}$/.test(kind) ? `code-${kind}` : undefined }, node.children.map(token));
}

// ---------------------------------------------------------------- mathematics

async function typeset(root) {
  const formulas = [...root.querySelectorAll('code.math-inline, code.math-display, pre > code.language-math')]
    .filter((code) => code.childElementCount === 0 && code.textContent.length <= LONGEST_FORMULA).slice(0, MOST_FORMULAS);
  if (formulas.length === 0) return;
  try {
    await import('/webjars/katex/dist/katex.min.js');
  } catch {
    return;
  }
  for (const code of formulas) {
    const display = !code.classList.contains('math-inline');
    const place = h('span', { class: display ? 'math display' : 'math', title: code.textContent });
    try {
      // MathML needs neither fonts nor styles; without trust no command reaches addresses, classes or pictures.
      globalThis.katex.render(code.textContent, place, {
        output: 'mathml', displayMode: display, throwOnError: true, trust: false, strict: 'ignore', maxExpand: 200, maxSize: 20,
      });
      code.replaceWith(place);
    } catch { /* what cannot be typeset stays as it was written */ }
  }
}
