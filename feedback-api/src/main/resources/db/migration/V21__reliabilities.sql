-- The newest weight of each labeler that was published. An operator's stands until an operator takes it back.
create table labeler_reliability (
  project_id text not null references project on delete cascade,
  labeler text not null,
  reliability double precision not null,
  source text not null,
  sequence bigint not null,
  published_by text not null,
  reason text,
  published_at timestamptz not null,
  primary key (project_id, labeler)
);
alter table work_rules add column estimate_every_hours int not null default 0;
alter table work_rules add column estimated_at timestamptz;
