-- Up to which of its numbers a browser has thrown drafts of a task away: what it sent before may arrive behind that.
-- Beside the drafts, not among them, where an older version would take it for one; it is needed as long as a request is on
-- its way, and goes after an hour.
create table draft_drop (
  task_id text not null references task,
  labeler text not null,
  writer bigint not null,
  sequence bigint not null,
  dropped_at timestamptz not null,
  primary key (task_id, labeler, writer)
);
