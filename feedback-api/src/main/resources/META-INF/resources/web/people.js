// Members and tokens of a project, and the log of what was done in it.

import { put, post, remove, listOf, encode } from './http.js';
import { h, byId, fill, button, table, when, number } from './dom.js';
import { openForm, field, choice } from './form.js';
import { look } from './live.js';

export const ROLES = [['labeler', 'labeler: ranks'], ['operator', 'operator: runs the project'], ['service', 'service: a program that sends tasks, reads pairs and adapters']];

/** The sections of a project's page; each has `load()`. */
export function peopleOf(project) {
  const base = `/projects/${encode(project)}`;

  async function members() {
    const all = listOf(await look(`${base}/members`));
    fill(byId('members'), table('Members', ['Name', 'Role', ''], all.map((member) => [member.name, member.role,
      h('span', { class: 'actions' }, button('Change', () => setMember(member), { class: 'button small' }), button('Remove', () => removeMember(member), { class: 'button quiet small' }))]),
    'Nobody is a member by name. Administrators, and people with a role in every project, are not listed here.'));
  }

  function setMember(member) {
    openForm({
      title: member ? `Role of ${member.name}` : 'Add a member',
      submit: member ? 'Change' : 'Add',
      content: h('div', { class: 'fields' },
        member ? h('input', { type: 'hidden', name: 'name', value: member.name }) : field('name', 'Name', { required: true, maxlength: 100, hint: 'of somebody who can log in' }),
        choice('role', 'Role', ROLES, member?.role), reason()),
      async action(values) {
        await put(`${base}/members/${encode(values.name)}`, { role: values.role, ...(values.reason ? { reason: values.reason } : {}) });
        await members();
      },
    });
  }

  function removeMember(member) {
    openForm({ title: `Remove ${member.name}?`, submit: 'Remove', danger: true,
      content: [h('p', {}, 'They will not see the project any more. What they ranked stays.'), reason()],
      async action(values) {
        await remove(`${base}/members/${encode(member.name)}${because(values)}`);
        await members();
      } });
  }

  async function tokens() {
    const all = listOf(await look(`${base}/tokens`));
    fill(byId('tokens'), table('Tokens', ['Name', 'Role', 'Made', 'Ends', 'Last used', ''], all.map((token) => [token.name, token.role, when(token.createdAt),
      token.revokedAt ? 'revoked' : when(token.expiresAt), token.lastUsedAt ? when(token.lastUsedAt) : 'never',
      !token.revokedAt && Date.parse(token.expiresAt) > Date.now() && button('Revoke', () => revoke(token), { class: 'button quiet small' })]),
    'No token yet. Programs log in by one: “Authorization: Bearer …”.'));
  }

  function newToken() {
    openForm({
      title: 'New token', submit: 'Make',
      content: h('div', { class: 'fields' }, field('name', 'Name', { required: true, maxlength: 63, placeholder: 'nightly-export' }),
        choice('role', 'Role', ROLES, 'service'), field('days', 'Ends after days', { type: 'number', min: 1, max: 366, value: 90 }), reason()),
      async action(values) {
        const made = await post(`${base}/tokens`, { name: values.name, role: values.role, days: values.days, ...(values.reason ? { reason: values.reason } : {}) });
        await tokens();
        setTimeout(() => showSecret(`Token ${made.name}`, made.token), 0);
      },
    });
  }

  function revoke(token) {
    openForm({ title: `Revoke ${token.name}?`, submit: 'Revoke', danger: true, content: h('p', {}, 'Programs that use it are locked out at once.'),
      async action() {
        await remove(`${base}/tokens/${encode(token.id)}`);
        await tokens();
      } });
  }

  byId('new-member').addEventListener('click', () => setMember());
  byId('new-token').addEventListener('click', newToken);
  return { members, tokens, audit: () => showAudit(byId('audit-list'), `${base}/audit`) };
}

export function reason() {
  return h('label', { class: 'full' }, 'Reason', h('input', { name: 'reason', maxlength: '500', placeholder: 'for the audit log; no personal data' }));
}

export function because(values) {
  return values.reason ? `?reason=${encode(values.reason)}` : '';
}

/** Something that is shown once. */
export function showSecret(title, secret) {
  const dialog = byId('dialog');
  const copied = h('span', { class: 'muted', role: 'status' });
  fill(dialog, h('h2', { id: 'dialog-title' }, title), h('p', {}, 'Copy it now: it is not shown again.'), h('p', { class: 'mono secret' }, secret),
    h('div', { class: 'actions' }, button('Copy', async () => {
      try {
        await navigator.clipboard.writeText(secret);
        copied.textContent = 'Copied.';
      } catch {
        // No secure origin, or no permission.
        getSelection().selectAllChildren(dialog.querySelector('.secret'));
        copied.textContent = 'It is selected; copy it by hand.';
      }
    }), button('Close', () => { fill(dialog); dialog.close(); }, { class: 'button primary' }), copied));
  // Whoever comes to this screen later finds nothing in the page, nor after Escape. The event of a form that closed just
  // before may still come.
  const forget = () => {
    if (dialog.open) return;
    fill(dialog);
    dialog.removeEventListener('close', forget);
  };
  dialog.addEventListener('close', forget);
  if (!dialog.open) dialog.showModal();
}

/** Entries of the audit log, newest first; more on demand, and as many when it is shown anew. */
export async function showAudit(place, path) {
  const most = Number(place.dataset.most ?? 15);
  const entries = listOf(await look(`${path}?limit=${most + 1}`));
  const more = entries.length > most;
  fill(place, table('Audit log', ['No.', 'When', 'Who', 'What', 'To', 'Why'], entries.slice(0, most).map((entry) => [h('span', { class: 'muted' }, number(entry.sequence)), when(entry.at), entry.actor === 'system' ? 'Podium' : entry.actor,
    h('span', {}, h('span', { class: 'mono whole' }, entry.action), ' ', h('span', { class: 'muted small address' }, details(entry))), broken([entry.person, entry.target].filter(Boolean).join(' ')), broken(entry.reason)]),
  'Nothing was done yet.'),
  more && button('Show more', () => {
    place.dataset.most = String(Math.min(999, most * 4));
    return showAudit(place, path);
  }, { class: 'button small' }));
}

function broken(text) {
  return text ? h('span', { class: 'address' }, text) : '';
}

function details(entry) {
  try {
    return Object.entries(JSON.parse(entry.detail)).filter(([, value]) => value !== '').map(([name, value]) => `${name} ${String(value).slice(0, 80)}`).join(', ');
  } catch {
    return '';
  }
}
