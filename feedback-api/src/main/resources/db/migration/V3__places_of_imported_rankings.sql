-- Imported rankings took no place, and gave one back when they were retracted: count the places anew.
update task set taken = places.n
from (
  select t.id,
    (select count(*) from lease l where l.task_id = t.id)
      + (select count(*) from ranking r where r.task_id = t.id and not r.retracted) as n
  from task t
) places
where places.id = task.id and task.taken <> places.n;
