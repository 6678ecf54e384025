-- What a labeler has done on a task so far, kept while they work: it survives a log-out and follows to another device.
create table draft (
  task_id text not null references task,
  labeler text not null,
  project_id text not null,
  version bigint not null,
  body text not null,
  saved_at timestamptz not null,
  primary key (task_id, labeler)
);
create index draft_of_labeler on draft (project_id, labeler, saved_at desc);
create index draft_age on draft (saved_at);

-- A labeler passed a task by, or says that something is wrong with it.
create table remark (
  task_id text not null references task,
  labeler text not null,
  kind text not null check (kind in ('SKIP', 'FLAG')),
  project_id text not null,
  reason text not null,
  note text not null,
  at timestamptz not null,
  settled_by text,
  settled_at timestamptz,
  primary key (task_id, labeler, kind)
);
create index remark_of_project on remark (project_id, at desc);
create index remark_of_labeler on remark (project_id, labeler);

-- Revisions that a later one replaced. The newest is in ranking; those from before this table are in the log alone.
create table ranking_revision (
  task_id text not null references task,
  labeler text not null,
  project_id text not null,
  revision int not null,
  retracted boolean not null,
  body text not null,
  submitted_at timestamptz not null,
  primary key (task_id, labeler, revision)
);

-- Of each ranking, what its body says, in columns that can be counted: how long it took, how many outputs were shown,
-- and at which of their positions the one sole winner stood (null where several share the first place, or the order is
-- not known).
alter table ranking
  add column duration_millis bigint not null default 0,
  add column shown_count smallint not null default 0,
  add column winner_position smallint;
update ranking set
  duration_millis = coalesce((body::json ->> 'durationMillis')::bigint, 0),
  shown_count = coalesce(cardinality(string_to_array(nullif(shown_order, ''), E'\n')), 0),
  winner_position = case when json_array_length(body::json -> 'groups' -> 0) = 1
    then array_position(string_to_array(nullif(shown_order, ''), E'\n'), body::json -> 'groups' -> 0 ->> 0) end
where body <> '';
