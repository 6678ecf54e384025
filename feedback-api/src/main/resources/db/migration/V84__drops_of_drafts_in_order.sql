-- Up to which of its numbers a browser has thrown drafts of a task away: what it sent before may arrive behind that.
-- Beside the drafts, not among them, where an older version would take it for one; it is needed as long as a request is on
-- its way, and goes after an hour. No reference to the task: that would lock it, in the migration and at each drop. An
-- instance of an earlier version does not look here: while both run, a draft may come back as it did before.
create table draft_drop (
  task_id text not null,
  labeler text not null,
  writer bigint not null,
  sequence bigint not null,
  dropped_at timestamptz not null,
  primary key (task_id, labeler, writer)
);
