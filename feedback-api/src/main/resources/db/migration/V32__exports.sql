-- Messages of the prompt: a file of plain texts cannot hold a conversation.
alter table preference add column turns int generated always as (
  case when json_typeof(body::json -> 'prompt') = 'array' then json_array_length(body::json -> 'prompt') else 1 end
) stored;

create table export_manifest (
  id uuid primary key,
  project_id text not null references project,
  at timestamptz not null,
  body text not null
);
create index export_manifest_of_project on export_manifest (project_id, at);
