// Requests to the REST interface: the CSRF token on each change, problem+json as errors that people understand.

const BASE = '/api/v1';
const token = document.querySelector('meta[name="csrf-token"]')?.content ?? '';

const REMEDY = {
  network: 'Podium cannot be reached. Check your connection; what you did here is kept.',
  401: 'You are no longer logged in. Log in again in another tab, then try once more.',
  403: 'You may not do this, or the page is too old. Reload it; if that does not help, ask your operator.',
  404: 'This is no longer there, or it is not yours to see.',
  413: 'This is larger than Podium takes.',
  429: 'Too many requests. Wait a moment, then try once more.',
  500: 'Podium made a mistake. Try once more; if it stays, tell your operator.',
  503: 'Podium is busy or its database is away. What you did here is kept; try once more in a moment.',
};

/** An answer that is not a success. `code` is stable, `message` says what happened and what to do. */
export class Problem extends Error {
  constructor(status, body = {}, retryAfterSeconds = 0) {
    super(body.detail || body.message || REMEDY[status] || body.title || `Podium answered ${status}.`);
    this.status = status;
    this.code = body.code ?? '';
    this.body = body;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Whether the same request may well succeed a little later. */
  get passing() {
    return this.status === 'network' || this.status === 429 || this.status === 502 || this.status === 503 || this.status === 504;
  }

  get remedy() {
    return REMEDY[this.status] ?? '';
  }
}

/** One request; resolves to `{status, headers, body}`, body parsed where it is JSON. */
export async function request(method, path, { body, headers = {}, raw, type, keepalive = false, timeoutMillis } = {}) {
  const sent = { Accept: 'application/json, application/problem+json, */*;q=0.1', 'X-Requested-With': 'fetch', ...headers };
  if (method !== 'GET') sent['X-CSRF-Token'] = token;
  if (raw !== undefined) sent['Content-Type'] = type;
  else if (body !== undefined) sent['Content-Type'] = 'application/json';
  let response;
  let text;
  try {
    response = await fetch(path.startsWith('/') && !path.startsWith('/logout') ? BASE + path : path, {
      method,
      headers: sent,
      body: raw !== undefined ? raw : body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
      keepalive,
      signal: timeoutMillis ? AbortSignal.timeout(timeoutMillis) : undefined,
      cache: 'no-store',
      redirect: 'manual',
    });
    text = response.type === 'opaqueredirect' ? '' : await response.text();
  } catch {
    throw new Problem('network');
  }
  if (response.type === 'opaqueredirect') throw new Problem(401);
  let parsed;
  try {
    parsed = text && (response.headers.get('Content-Type') ?? '').includes('json') ? JSON.parse(text) : undefined;
  } catch {
    parsed = undefined;
  }
  if (!response.ok) {
    throw new Problem(response.status, parsed ?? {}, Number(response.headers.get('Retry-After')) || 0);
  }
  return { status: response.status, headers: response.headers, body: parsed };
}

export const get = async (path) => (await request('GET', path)).body;
export const post = async (path, body) => (await request('POST', path, { body })).body;
export const put = async (path, body) => (await request('PUT', path, { body })).body;
export const remove = async (path) => (await request('DELETE', path)).body;

/** A list, whether the interface answers `[...]` or an object with one list in it. */
export function listOf(body) {
  if (Array.isArray(body)) return body;
  return Object.values(body ?? {}).find(Array.isArray) ?? [];
}

export const encode = encodeURIComponent;
