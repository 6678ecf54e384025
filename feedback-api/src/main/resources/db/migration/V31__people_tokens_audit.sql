-- The id stands for a person where a name would outlive them: in the audit log, which nobody may change.
alter table person
  add column id uuid not null default gen_random_uuid() unique,
  add column disabled_at timestamptz;

create table api_token (
  id uuid primary key,
  project_id text not null references project,
  role text not null check (role in ('operator', 'labeler', 'service')),
  name text not null,
  sha256 text not null unique,
  created_by uuid not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index api_token_of_project on api_token (project_id);

-- Each row carries the hash of the one before: what is changed, taken out or put in between breaks the chain.
create table audit_entry (
  sequence bigint primary key,
  at text not null,
  actor text not null,
  action text not null,
  project_id text not null,
  target text not null,
  person text not null,
  reason text not null,
  detail text not null,
  previous text not null,
  hash text not null
);
create index audit_entry_of_project on audit_entry (project_id, sequence);

create function audit_entry_is_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is append-only' using errcode = 'restrict_violation';
end
$$;
create trigger audit_entry_no_change before update or delete on audit_entry
  for each row execute function audit_entry_is_append_only();
create trigger audit_entry_no_truncate before truncate on audit_entry
  for each statement execute function audit_entry_is_append_only();
