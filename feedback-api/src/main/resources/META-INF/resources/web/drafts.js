// What a labeler has done on a task so far: at once in this browser, and a moment later on the server, so that a reload,
// a lost connection, a log-out or another device loses nothing.

import { request, encode } from './http.js';

const QUIET_MILLIS = 600;
const ANSWER_MILLIS = 20_000;
const KEPT_MILLIS = 14 * 86_400_000;
const WRITER = 'podium.writer';
const SEQUENCE = 'podium.sequence';

export class Drafts {
  #timer = 0;
  #waiting = null;
  #newest = null;
  #unanswered = 0;
  #answers = Promise.resolve();
  #writer = writer();
  #sequence = 0;

  /** @param onState told 'saving', 'saved' or 'local' (kept in this browser alone), and of which task */
  constructor(project, person, onState) {
    this.project = project;
    this.prefix = `podium.draft/${encode(person)}/${encode(project)}/`;
    this.onState = onState;
    addEventListener('online', () => this.flush());
    addEventListener('pagehide', () => this.flush({ keepalive: true }));
    document.addEventListener('visibilitychange', () => { if (document.hidden) this.flush({ keepalive: true }); });
    dropOld();
  }

  /** Keeps a state; `state` is {revision, places, unacceptable, ratings, comment, activeMillis}. */
  keep(taskId, state) {
    write(this.prefix + taskId, { ...state, savedAt: Date.now(), dirty: true });
    if (this.#waiting && this.#waiting.taskId !== taskId) this.flush();
    this.#waiting = { taskId, state, sequence: this.#next() };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), QUIET_MILLIS);
    this.onState('saving', taskId);
  }

  /** Sends now what waits; resolves when everything sent so far has its answer. */
  flush({ keepalive = false } = {}) {
    clearTimeout(this.#timer);
    const sent = this.#waiting;
    this.#waiting = null;
    if (!sent) return this.#answers;
    this.#newest = sent;
    // In turn: the last one written has to be the last one to arrive. A page that may go away cannot wait for that, and
    // says it once more should it stay.
    const free = this.#unanswered === 0;
    if (!free && keepalive) this.#send(sent, true);
    this.#unanswered++;
    this.#answers = (free ? this.#send(sent, keepalive) : this.#answers.then(() => this.#send(sent, keepalive))).finally(() => this.#unanswered--);
    return this.#answers;
  }

  /** Grows also in another tab, and where the clock was set back. */
  #next() {
    this.#sequence = Math.max(Date.now(), this.#sequence + 1, (Number(read(SEQUENCE)) || 0) + 1);
    write(SEQUENCE, this.#sequence);
    return this.#sequence;
  }

  #turn(sequence) {
    return { 'Draft-Writer': this.#writer, 'Draft-Sequence': sequence };
  }

  #path(taskId) {
    return `/projects/${encode(this.project)}/tasks/${encode(taskId)}/draft`;
  }

  async #send(sent, keepalive) {
    const overtaken = () => sent.dropped || (this.#newest !== sent && this.#newest.taskId === sent.taskId);
    if (overtaken()) return;
    try {
      // What was given up may arrive behind what is sent next: the server tells by the sequence.
      await request('PUT', this.#path(sent.taskId), { body: sent.state, headers: this.#turn(sent.sequence), keepalive, timeoutMillis: ANSWER_MILLIS });
      if (this.#waiting?.taskId === sent.taskId || overtaken()) return;
      const local = read(this.prefix + sent.taskId);
      if (local) write(this.prefix + sent.taskId, { ...local, dirty: false });
      this.onState('saved', sent.taskId);
    } catch (problem) {
      if ((problem.passing || problem.status === 401) && !overtaken()) {
        // It stays in this browser, and goes out with the next change or once the connection is back.
        this.#waiting ??= sent;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.flush(), 10_000);
      }
      this.onState('local', sent.taskId);
    }
  }

  /**
   * Which draft counts when a task is opened: what this browser has not got through to the server yet, unless the server
   * has something newer from elsewhere. `other` is what was left out, if anything.
   */
  choose(taskId, revision, fromServer) {
    const here = read(this.prefix + taskId);
    const local = here?.revision === revision ? here : null;
    if (local?.dirty && (!fromServer || local.savedAt >= Date.parse(fromServer.savedAt))) {
      return { draft: local, unsent: true, other: null };
    }
    if (!fromServer && local && !local.dirty) this.forget(taskId);
    return { draft: fromServer ?? null, unsent: false, other: fromServer && local?.dirty ? local : null };
  }

  /** An unsent draft of another revision, after the ranking was changed elsewhere. */
  leftOver(taskId, revision) {
    const local = read(this.prefix + taskId);
    return local && local.revision !== revision ? local : null;
  }

  /** Stops a save that waits; the ranking is on its way. */
  hold(taskId) {
    if (this.#newest?.taskId === taskId) this.#newest.dropped = true;
    if (this.#waiting?.taskId !== taskId) return;
    clearTimeout(this.#timer);
    this.#waiting = null;
  }

  /** Throws a draft away here and on the server, and with it what was given up and may arrive there later. */
  drop(taskId) {
    const headers = this.#turn(this.#next());
    this.forget(taskId);
    return this.flush().then(() => request('DELETE', this.#path(taskId), { headers, keepalive: true }));
  }

  /** The task is done: nothing of it stays in this browser. */
  forget(taskId) {
    this.hold(taskId);
    try {
      localStorage.removeItem(this.prefix + taskId);
    } catch { /* a forbidden store holds nothing */ }
  }
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null');
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch { /* a full or forbidden store must not stop the work; the server has it a moment later */ }
}

/** A number of this browser's own; of this page alone where nothing can be kept. */
function writer() {
  const known = read(WRITER);
  if (Number.isSafeInteger(known)) return known;
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  const made = (high % 2 ** 20) * 2 ** 32 + low;
  write(WRITER, made);
  return made;
}

function dropOld() {
  try {
    const oldest = Date.now() - KEPT_MILLIS;
    for (const key of Object.keys(localStorage).filter((k) => k.startsWith('podium.draft'))) {
      if ((read(key)?.savedAt ?? 0) < oldest) localStorage.removeItem(key);
    }
  } catch { /* as above */ }
}
