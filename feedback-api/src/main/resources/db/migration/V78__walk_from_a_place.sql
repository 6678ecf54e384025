-- All in one direction, so that a walk can begin at any place: PostgreSQL compares rows in one direction only.
drop index task_next;
create index task_next on task (project_id, (-priority), (-urgency), (-disagreement), position) where open;
