// What is new, told by the server: no page asks again and again.

import { get } from './http.js';

const REFRESH_MILLIS = 400;
const AWAY_MILLIS = 4_000;
const CLICK_MILLIS = 50;
const LONGEST_PRESS_MILLIS = 10_000;
// The page moves by itself so long after it has grown.
const GROWTH_MILLIS = 200;

// A button that is replaced, or moves, between press and release has had no click.
let pressedAt = -Infinity;
let releasedAt = -Infinity;
addEventListener('pointerdown', () => { pressedAt = performance.now(); }, true);
for (const type of ['pointerup', 'pointercancel']) addEventListener(type, () => { releasedAt = performance.now(); }, true);
// Space presses a button when it is let go; held, it is told again and again.
addEventListener('keydown', (event) => { if (event.key === ' ' && !event.repeat) pressedAt = performance.now(); }, true);
addEventListener('keyup', (event) => { if (event.key === ' ') releasedAt = performance.now(); }, true);
// Let go in another window, nobody tells.
addEventListener('blur', () => { releasedAt = performance.now(); });

// Where a link within the page has led to stays in sight while lists above it come, until somebody goes elsewhere.
let ledTo = location.hash.slice(1);
for (const type of ['pointerdown', 'wheel', 'touchmove', 'keydown']) addEventListener(type, () => { ledTo = ''; }, { capture: true, passive: true });
addEventListener('click', (event) => { ledTo = event.target.closest?.('a[href^="#"]')?.hash.slice(1) ?? ledTo; });
let grownAt = -Infinity;
new ResizeObserver(() => {
  grownAt = performance.now();
  if (ledTo) document.getElementById(ledTo)?.scrollIntoView();
}).observe(document.querySelector('main') ?? document.body);
// Who draws the bar at the edge is told of by nothing else.
addEventListener('scroll', () => {
  const place = ledTo && performance.now() - grownAt > GROWTH_MILLIS && document.getElementById(ledTo)?.getBoundingClientRect();
  if (place && (place.bottom < 0 || place.top > innerHeight)) ledTo = '';
}, { passive: true });

/** Reads what is to be shown anew; never answers in the middle of a click, nor fails there. */
export async function look(path) {
  try {
    return await get(path);
  } finally {
    await clicked();
  }
}

/** Waits for the end of a click that goes on; what was looked for together is shown after it. */
export async function clicked() {
  for (let wait = untilClicked(); wait > 0; wait = untilClicked()) await new Promise((done) => { setTimeout(done, Math.min(wait, CLICK_MILLIS)); });
}

function untilClicked() {
  const now = performance.now();
  return pressedAt > releasedAt ? pressedAt + LONGEST_PRESS_MILLIS - now : releasedAt + CLICK_MILLIS - now;
}

/**
 * Watches; `changed(parts)` is called with the parts that may have changed, with `null` for all of them, never again
 * before its promise is done. `away(true)` when the connection has been lost for some seconds.
 */
export function watch(path, changed, away = () => {}) {
  let waiting = new Set();
  let everything = false;
  let running = false;
  let timer;

  async function run() {
    timer = undefined;
    if (running || (!everything && waiting.size === 0)) return;
    running = true;
    const parts = everything ? null : [...waiting];
    everything = false;
    waiting = new Set();
    try {
      await changed(parts);
    } finally {
      running = false;
      // Hints come in bursts; what came meanwhile is one more look.
      if (everything || waiting.size > 0) timer ??= setTimeout(run, REFRESH_MILLIS);
    }
  }

  function hint(parts) {
    if (parts === null) everything = true;
    else parts.forEach((part) => waiting.add(part));
    timer ??= setTimeout(run, document.hidden ? REFRESH_MILLIS * 10 : REFRESH_MILLIS / 10);
  }

  let lost;
  function open() {
    const source = new EventSource(`/api/v1${path}`);
    source.onmessage = (event) => {
      clearTimeout(lost);
      lost = undefined;
      away(false);
      const { parts } = JSON.parse(event.data);
      hint(parts.length > 0 ? parts : null);
    };
    source.onerror = () => {
      lost ??= setTimeout(() => away(true), AWAY_MILLIS);
      // Refused, not interrupted: the browser does not try again by itself.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, AWAY_MILLIS);
    };
  }
  open();
  hint(null);
}
