// Rankings on their way. Each is written down before it is sent, with its Idempotency-Key, and leaves the list only when
// the server has answered: what a lost connection, a reload or a log-out interrupts is sent again as the same act.

import { request, encode, Problem } from './http.js';

const PAUSES_MILLIS = [1_000, 3_000, 8_000, 15_000, 30_000];

export class Sending {
  #busy = false;
  #failures = 0;
  #timer = 0;
  #fallback = [];

  /** @param person whose rankings; those of others who use this browser wait for them */
  constructor(person, { onSent, onRefused, onState }) {
    this.key = `podium.sending/${encode(person)}`;
    Object.assign(this, { onSent, onRefused, onState });
    addEventListener('online', () => this.now());
    addEventListener('focus', () => this.now());
  }

  /** Everything that waits, oldest first. */
  waiting() {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? '[]').concat(this.#fallback);
    } catch {
      return this.#fallback;
    }
  }

  has(taskId) {
    return this.waiting().some((item) => item.taskId === taskId);
  }

  /** @param item {project, taskId, revision, body, order, prompt}; gets its key here */
  add(item) {
    const items = this.waiting();
    try {
      localStorage.setItem(this.key, JSON.stringify([...items, { ...item, key: newKey() }]));
    } catch {
      this.#fallback.push({ ...item, key: newKey() });
    }
    this.now();
  }

  /** Tries at once. */
  now() {
    clearTimeout(this.#timer);
    this.#run();
  }

  async #run() {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let item = this.waiting()[0]; item; item = this.waiting()[0]) {
        const problem = await this.#send(item);
        if (!problem) continue;
        this.onState(this.waiting().length, problem);
        const pause = PAUSES_MILLIS[Math.min(this.#failures++, PAUSES_MILLIS.length - 1)];
        this.#timer = setTimeout(() => this.now(), Math.max(pause, Math.min(problem.retryAfterSeconds ?? 0, 60) * 1000));
        return;
      }
      this.#failures = 0;
      this.onState(0, null);
    } finally {
      this.#busy = false;
    }
  }

  /** Returns the problem that may pass, or null when the item is done with. */
  async #send(item) {
    const headers = { 'Idempotency-Key': item.key, ...(item.revision > 0 ? { 'If-Match': `"${item.revision}"` } : {}) };
    try {
      const answer = await request('PUT', `/projects/${encode(item.project)}/tasks/${encode(item.taskId)}/ranking`, { body: item.body, headers });
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
      const left = JSON.parse(localStorage.getItem(this.key) ?? '[]').filter((other) => other.key !== item.key);
      if (left.length > 0) localStorage.setItem(this.key, JSON.stringify(left));
      else localStorage.removeItem(this.key);
    } catch { /* it is in the list of this page alone */ }
  }
}

/** A random UUID, also where the page has no secure origin and crypto.randomUUID is missing. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
}
