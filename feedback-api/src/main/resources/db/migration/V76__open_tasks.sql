-- Whether a task is offered, as a column of its own: with the number of places in the indexes each place taken or freed
-- wrote a new entry into all of them. Now it does where a task opens or closes by it; else the row's new version stays
-- on its page, which keeps room for it.
alter table task set (fillfactor = 85);
alter table task add column open boolean not null generated always as (taken < overlap and not gold) stored;
drop index task_next;
drop index task_draw;
create index task_next on task (project_id, priority desc, urgency desc, disagreement desc, position) where open;
create index task_draw on task (project_id, priority, draw) where open;
