// Rankings on their way. Each is written down before it is sent, with its Idempotency-Key, and leaves the list only when
// the server has answered: what a lost connection, a reload or a log-out interrupts is sent again as the same act.

import { request, encode, Problem } from './http.js';

const PAUSES_MILLIS = [1_000, 3_000, 8_000, 15_000, 30_000];

export class Sending {
  #busy = false;
  #failures = 0;
  #timer = 0;
  #fallback = [];

  /**
   * @param person whose rankings; those of others who use this browser wait for them
   * @param wanted of an item: the query that has the next task come along with the answer, or ''
   */
  constructor(person, { wanted, onSent, onRefused, onState }) {
    this.prefix = `podium.sending/${encode(person)}/`;
    Object.assign(this, { wanted, onSent, onRefused, onState });
    addEventListener('online', () => this.now());
    addEventListener('focus', () => this.now());
    // Another tab has sent what waited here, too.
    addEventListener('storage', (event) => {
      if ((event.key === null || event.key.startsWith(this.prefix)) && this.waiting().length === 0) this.onState(0, null);
    });
  }

  /** What waits, oldest first; of one project where one is named. */
  waiting(project) {
    // A key for each: tabs that add and remove at the same time never write over one another.
    const kept = [];
    try {
      for (const key of Object.keys(localStorage)) {
        if (key.startsWith(this.prefix)) kept.push(read(key));
      }
    } catch { /* no storage here: they are in the list of this page alone */ }
    return [...kept, ...this.#fallback].filter((item) => item && (!project || item.project === project)).sort((a, b) => a.since - b.since);
  }

  has(taskId) {
    return this.waiting().some((item) => item.taskId === taskId);
  }

  /** @param work {project, taskId, revision, body, order, prompt}; gets its key here */
  add(work) {
    const item = { ...work, key: newKey(), since: performance.timeOrigin + performance.now() };
    try {
      localStorage.setItem(this.prefix + item.key, JSON.stringify(item));
    } catch {
      this.#fallback.push(item);
    }
    this.now();
  }

  /** Tries at once; resolves when what could go has gone, unless that is under way already. */
  now() {
    clearTimeout(this.#timer);
    return this.#run();
  }

  async #run() {
    if (this.#busy) return;
    this.#busy = true;
    try {
      // Projects that do not take this labeler's work at the moment; that of others goes on.
      const closed = new Set();
      let problem = null;
      for (let item = this.waiting()[0]; item; item = this.waiting().find((other) => !closed.has(other.project))) {
        const found = await this.#send(item);
        if (!found) continue;
        problem = found;
        if (!ofProject(found)) break;
        closed.add(item.project);
      }
      this.onState(this.waiting().length, problem);
      if (!problem) {
        this.#failures = 0;
        return;
      }
      const pause = PAUSES_MILLIS[Math.min(this.#failures++, PAUSES_MILLIS.length - 1)];
      this.#timer = setTimeout(() => this.now(), Math.max(pause, Math.min(problem.retryAfterSeconds ?? 0, 60) * 1000));
    } finally {
      this.#busy = false;
    }
  }

  /** Returns the problem that may pass, or null when the item is done with. */
  async #send(item) {
    const headers = { 'Idempotency-Key': item.key, ...(item.revision > 0 ? { 'If-Match': `"${item.revision}"` } : {}) };
    try {
      const answer = await request('PUT', `/projects/${encode(item.project)}/tasks/${encode(item.taskId)}/ranking${this.wanted(item)}`, { body: item.body, headers });
      this.#remove(item);
      this.onSent(item, answer.body);
      return null;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      // Logged out, or logged in as somebody else: not the ranking's fault, so it waits.
      if (problem.passing || problem.status === 401 || problem.status === 403 || problem.code === 'in_flight' || problem.status >= 500) return problem;
      this.#remove(item);
      this.onRefused(item, problem);
      return null;
    }
  }

  #remove(item) {
    this.#fallback = this.#fallback.filter((other) => other.key !== item.key);
    try {
      localStorage.removeItem(this.prefix + item.key);
    } catch { /* it was in the list of this page alone */ }
  }
}

/** Paused, excluded or no member any more, in one project; a token that is out of date concerns all. */
function ofProject(problem) {
  return problem.status === 403 && problem.code !== 'csrf_token';
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

/** A random UUID, also where the page has no secure origin and crypto.randomUUID is missing. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
}
