-- The newest decision of each task; all are in the log.
create table adjudication (
  task_id text primary key references task on delete cascade,
  project_id text not null,
  revision int not null,
  adjudicator text not null,
  withdrawn boolean not null,
  body text not null,
  decided_at timestamptz not null
);
-- Labelers contradict one another and the rules decide nothing, or their majorities run in a cycle.
alter table preference add column contested boolean not null default false;
create index preference_contested on preference (project_id, task_id) where contested;
-- Read the sets once more, to know it of those that are there.
delete from projection_position where topic = 'rlhf.preferences.v1';
