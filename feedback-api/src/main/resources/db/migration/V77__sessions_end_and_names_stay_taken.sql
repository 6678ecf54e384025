-- Sessions of an earlier version are over: a log-out or a ban raises it.
alter table person add column session_version int not null default 0;

-- Names of people who were removed: somebody else of that name would have their work.
create table removed_person (
  name text primary key,
  removed_at timestamptz not null default now()
);
