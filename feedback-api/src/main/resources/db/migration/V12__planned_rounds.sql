-- Rounds that wait for one another: chains of rules, and rounds that are run again without a labeler.
create table planned_round (
  id text primary key,
  project_id text not null references project,
  plan_id text not null,
  step int not null,
  kind text not null,
  -- What an operator would send to start it; null where an earlier round is run again.
  request text,
  rerun_of text,
  -- Steps of the same plan: whose adapter it continues, is scored by, and which must have succeeded.
  initial_from int,
  reward_from int,
  needs int,
  -- Waits until this labeler's rankings are out of the preference sets.
  without_labeler text,
  rule text,
  reason text not null,
  requested_by text not null,
  state text not null check (state in ('WAITING', 'STARTED', 'SUCCEEDED', 'FAILED', 'DROPPED')),
  round_id text,
  note text,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  unique (plan_id, step)
);
create index planned_round_open on planned_round (plan_id) where state in ('WAITING', 'STARTED');
create index planned_round_of_project on planned_round (project_id, created_at desc);
