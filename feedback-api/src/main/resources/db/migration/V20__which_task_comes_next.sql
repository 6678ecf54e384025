-- priority: an operator's word, higher first. urgency: how uncertain the least certain pair is, 1 where nothing is
-- known. draw: a place in a lottery, for the share of tasks that is drawn uniformly. gold: a task with a known answer.
alter table task
  add column priority int not null default 0,
  add column urgency real not null default 1,
  add column draw double precision not null default random(),
  add column gold boolean not null default false;
drop index task_open;
-- Only what can be given is in these, in the order in which it is given: finding the next one reads a few entries,
-- however many tasks there are.
create index task_next on task (project_id, priority desc, urgency desc, position) where taken < overlap and not gold;
create index task_draw on task (project_id, priority, draw) where taken < overlap and not gold;
create index task_gold on task (project_id, draw) where gold;
-- What was given leaves dead entries at the head of the index; a fifth of a million of them would be too many.
alter table task set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
alter table lease set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
alter table outbox set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

alter table lease add column granted_at timestamptz not null default now();

-- How a project's work is given out and watched; a project without a row has the defaults.
create table work_rules (
  project_id text primary key references project on delete cascade,
  active_sampling boolean not null default true,
  uniform_share double precision not null default 0.1,
  gold_share double precision not null default 0,
  gold_tasks_before_pause int not null default 5,
  gold_threshold double precision not null default 0.7,
  aggregation text not null default 'majority',
  aggregation_ridge double precision not null default 0.1,
  listwise_from_aggregation boolean not null default false
);

-- What a model says of a task's outputs: scores and, from an ensemble, how far its members disagree.
create table task_score (
  task_id text primary key references task on delete cascade,
  project_id text not null,
  source text not null,
  body text not null,
  scored_at timestamptz not null
);

create table gold_answer (
  task_id text primary key references task on delete cascade,
  project_id text not null,
  body text not null,
  added_by text not null,
  added_at timestamptz not null
);
create index gold_answer_of_project on gold_answer (project_id);

-- Of each labeler's newest revision on a gold task: the share of the answer's pairs that it has in their order.
create table gold_result (
  task_id text not null,
  labeler text not null,
  project_id text not null,
  score double precision not null,
  answered_at timestamptz not null,
  primary key (task_id, labeler)
);
create index gold_result_of_labeler on gold_result (project_id, labeler, answered_at);

create table labeler_state (
  project_id text not null,
  labeler text not null,
  paused_at timestamptz,
  paused_by text,
  pause_reason text,
  -- Gold answers before this do not count: an operator has let the labeler go on.
  gold_since timestamptz,
  primary key (project_id, labeler)
);
