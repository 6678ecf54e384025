-- How much a reward ensemble's members differ about a sampled prompt, as the SAMPLE round says; among tasks of one urgency
-- the more disputed come first. 0 where nothing is known, and where a project takes tasks in the order of import.
alter table task add column disagreement real not null default 0;
update task set disagreement = coalesce((body::json -> 'selection' ->> 'score')::real, 0)
where strpos(body, '"source":"sampled"') > 0 and strpos(body, '"selection":{') > 0
  and not exists (select 1 from work_rules w where w.project_id = task.project_id and not w.active_sampling);
drop index task_next;
create index task_next on task (project_id, priority desc, urgency desc, disagreement desc, position)
  where taken < overlap and not gold;
