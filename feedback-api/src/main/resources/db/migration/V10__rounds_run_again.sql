alter table round
  add column reason text,
  add column rerun_of text,
  add column data_set_sha256 text;
create index round_of_project on round (project_id, requested_at desc);
