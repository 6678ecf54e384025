-- What an operator has told Podium to do by itself, and every decision that came of it.
create table rule (
  project_id text not null references project,
  name text not null,
  enabled boolean not null,
  body text not null,
  set_by text not null,
  set_at timestamptz not null,
  -- When its schedule was last taken notice of, and what was last said of a reason not to act.
  looked_at timestamptz,
  last_refusal text,
  primary key (project_id, name)
);

create table rule_decision (
  position bigint generated always as identity primary key,
  project_id text not null references project,
  rule text not null,
  decision text not null check (decision in ('STARTED', 'HELD_BACK', 'STOPPED', 'FINISHED', 'PROMOTED', 'ROLLED_BACK')),
  reason text not null,
  plan_id text,
  at timestamptz not null
);
create index rule_decision_of_project on rule_decision (project_id, position desc);

-- Since when a task has been decided, so that what is new since a round can be counted.
alter table preference add column decided_since timestamptz;
update preference set decided_since = cast(body::json ->> 'updatedAt' as timestamptz) where decided;
create index preference_decided_since on preference (project_id, decided_since) where decided;

-- Tasks whose outputs a model wrote, among many that were imported.
create index task_sampled on task (project_id) where strpos(body, '"source":"sampled"') > 0;
