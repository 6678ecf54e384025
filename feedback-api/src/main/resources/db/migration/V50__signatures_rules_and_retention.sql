-- As the manifest's record carries it; null: not signed, or read before this column was there.
alter table adapter add column signature text;

-- A change that a rule made: no rule acts on it again.
alter table channel_change add column automatic boolean not null default false;

create table channel_rule (
  project_id text not null references project,
  channel text not null,
  refused_instances int not null,
  error_percent double precision not null,
  min_requests bigint not null,
  changed_by text not null,
  changed_at timestamptz not null,
  primary key (project_id, channel)
);

create table retention_policy (
  project_id text primary key references project,
  keep_last int not null,
  keep_days int not null,
  changed_by text not null,
  changed_at timestamptz not null
);

-- Versions whose weights may be removed. Manifest and data set stay: lineage is never retired.
create table adapter_retired (
  project_id text not null,
  version text not null,
  retired_by text not null,
  retired_at timestamptz not null,
  primary key (project_id, version)
);

create table artifact_collection (
  id bigint generated always as identity primary key,
  started_by text not null,
  ended_at timestamptz not null,
  body text not null
);
