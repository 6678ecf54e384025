-- A lease is known by task and labeler; its id is computed from them where it is shown, and was an index of its own for
-- nothing.
alter table lease alter column id set default gen_random_uuid();
alter table lease drop constraint lease_pkey, drop constraint lease_task_id_labeler_key, add primary key (task_id, labeler);
