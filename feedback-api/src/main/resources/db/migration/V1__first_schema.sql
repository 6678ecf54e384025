create table person (
  name text primary key,
  password_hash text not null,
  role text not null check (role in ('operator', 'labeler', 'service')),
  created_at timestamptz not null
);

create table project (
  id text primary key,
  name text not null,
  guidelines text not null,
  base_model text not null,
  rules text not null,
  last_version bigint not null default 0,
  created_at timestamptz not null
);

create table task (
  id text primary key,
  project_id text not null references project,
  position bigint generated always as identity,
  overlap int not null,
  -- Rankings plus live leases. Kept in the row, so that a lock on the row guards the count.
  taken int not null default 0,
  body text not null
);
create index task_open on task (project_id, position) where taken < overlap;
create index task_of_project on task (project_id);

create table lease (
  id uuid primary key,
  task_id text not null references task,
  project_id text not null,
  labeler text not null,
  shown_order text not null,
  expires_at timestamptz not null,
  unique (task_id, labeler)
);
create index lease_expiry on lease (expires_at);
create index lease_of_labeler on lease (project_id, labeler);

create table ranking (
  task_id text not null references task,
  labeler text not null,
  project_id text not null,
  revision int not null,
  retracted boolean not null,
  shown_order text not null,
  body text not null,
  submitted_at timestamptz not null,
  primary key (task_id, labeler)
);
create index ranking_of_labeler on ranking (project_id, labeler, submitted_at desc);

create table idempotent_answer (
  person text not null,
  key text not null,
  request_sha256 text not null,
  status int not null,
  body text not null,
  created_at timestamptz not null,
  primary key (person, key)
);

-- The columns of Debezium's outbox event router, so that it can take the relay's place: aggregatetype is the topic,
-- aggregateid the key, id the event id.
create table outbox (
  id text primary key,
  position bigint generated always as identity,
  aggregatetype text not null,
  aggregateid text not null,
  type text not null,
  payload text not null,
  subject text not null,
  created_at timestamptz not null
);
create index outbox_position on outbox (position);

create table round (
  id text primary key,
  project_id text not null references project,
  kind text not null,
  version text not null,
  command text not null,
  idempotency_key text,
  requested_by text not null,
  requested_at timestamptz not null,
  unique (project_id, version)
);
create unique index round_once on round (project_id, requested_by, idempotency_key) where idempotency_key is not null;

create table channel_change (
  project_id text not null references project,
  channel text not null,
  sequence bigint not null,
  version text,
  body text not null,
  primary key (project_id, channel, sequence)
);

-- Projections: what the topics say, for pages and questions. They can be emptied and are filled again.
create table preference (
  task_id text primary key,
  project_id text not null,
  pairs int not null,
  ties int not null,
  rankings int not null,
  decided boolean not null,
  body text not null
);
create index preference_of_project on preference (project_id);

create table round_event (
  partition int not null,
  "offset" bigint not null,
  round_id text not null,
  type text not null,
  body text not null,
  primary key (partition, "offset")
);
create index round_event_of_round on round_event (round_id, "offset");

create table adapter (
  project_id text not null,
  version text not null,
  kind text not null,
  created_at timestamptz not null,
  body text not null,
  primary key (project_id, version)
);

create table adapter_load (
  instance_id text primary key,
  project_id text not null,
  body text not null
);

create table labeler_statistics (
  project_id text not null,
  labeler text not null,
  body text not null,
  primary key (project_id, labeler)
);

create table projection_position (
  topic text not null,
  partition int not null,
  next_offset bigint not null,
  primary key (topic, partition)
);
