create table excluded_labeler (
  project_id text not null references project,
  labeler text not null,
  reason text not null,
  excluded_by text not null,
  excluded_at timestamptz not null,
  retracted bigint not null default 0,
  -- When nothing was left to take back; null while there is.
  finished_at timestamptz,
  primary key (project_id, labeler)
);
create index excluded_labeler_open on excluded_labeler (project_id) where finished_at is null;
