-- What every ranking asks of the database, each in one round trip. The planner's habits are set aside: these must
-- walk the indexes also where the statistics are old, as after a large import; and what a labeler has had already is
-- looked up task by task (a subquery as a value), never joined. Planned once per connection: to plan takes as long as to ask.
-- Few statements, too: to begin one takes longer than most of them have to do. And the settings are of whoever is called
-- from outside, since it takes time to set and to restore them.
-- The walk for a labeler begins at in_from_...: what comes before it that labeler had, when it was last looked at. Where
-- the walk ended is in at_...
-- Who changes this file adds a versioned migration, were it an empty one. Where there is one that it does not know, an
-- instance of the version before does not start; else it would put its own functions in place of these.

-- What a function gives cannot be changed in place. Named with its schema: the search path has further ones. With all its
-- parameter lists: those of the version before stay for its instances (docs/operations.md, "Upgrading").
do $$
declare
  f regprocedure;
begin
  for f in select p.oid::regprocedure from pg_proc p
      where p.pronamespace = (select n.oid from pg_namespace n where n.nspname = current_schema())
        and p.proname in ('submit_first', 'take_task', 'hold_task', 'next_task', 'submission_state') loop
    execute format('drop function %s', f);
  end loop;
end $$;

-- in_wait says whether to wait for tasks that others have locked. It is null for whoever holds locks that others may wait
-- for: then nothing at all is waited for, the lease of the task that is held already included.
create function next_task(
  in_project text, in_labeler text, in_after text, in_now timestamptz, in_until timestamptz,
  in_gold_roll double precision, in_uniform_roll double precision, in_draw double precision, in_wait boolean,
  in_from_priority int default -2147483648, in_from_urgency real default '-infinity',
  in_from_disagreement real default '-infinity', in_from_position bigint default 0,
  out status text, out task_id text, out shown_order text, out body text, out reason text, out drafted boolean,
  out at_priority int, out at_urgency real, out at_disagreement real, out at_position bigint)
language plpgsql
as $$
declare
  rules record;
  top int;
begin
  -- Two tabs of one labeler get the same task, not two.
  perform pg_advisory_xact_lock(hashtextextended(in_project || chr(10) || in_labeler, 11));
  select coalesce(w.uniform_share, 0.1) as uniform_share, coalesce(w.gold_share, 0) as gold_share,
      coalesce(w.active_sampling, true) as active_sampling, s.paused_at, s.pause_reason,
      (select c.task_id from lease c
        where c.project_id = in_project and c.labeler = in_labeler
          and c.expires_at > in_now and c.task_id is distinct from in_after
        order by c.granted_at, c.task_id limit 1) as held,
      (select true from draft d where d.project_id = in_project and d.labeler = in_labeler limit 1) as begun
    into rules
    from project p
    left join work_rules w on w.project_id = p.id
    left join labeler_state s on s.project_id = p.id and s.labeler = in_labeler
    where p.id = in_project;
  if not found then
    status := 'unknown';
    return;
  end if;
  if rules.paused_at is not null then
    status := 'paused';
    reason := rules.pause_reason;
    return;
  end if;
  if rules.held is not null then
    -- Who ranks that task has its lock first, and its lease then.
    if in_wait is null then
      perform 1 from task t where t.id = rules.held for update skip locked;
      if not found then
        status := 'none';
        return;
      end if;
    end if;
    update lease l set expires_at = in_until where l.labeler = in_labeler and l.task_id = rules.held
      returning l.task_id, l.shown_order into task_id, shown_order;
    if found then
      status := 'held';
      select t.body into body from task t where t.id = next_task.task_id;
      select true into drafted from draft d where d.task_id = next_task.task_id and d.labeler = in_labeler;
      return;
    end if;
  end if;
  status := 'new';
  -- What the labeler has begun comes first, as long as it has a place.
  if rules.begun then
    select t.id, t.body into task_id, body from draft d join task t on t.id = d.task_id
      where d.project_id = in_project and d.labeler = in_labeler and (t.gold or t.taken < t.overlap)
        and (select 1 from lease l where l.task_id = t.id and l.labeler = in_labeler) is null
        and (select 1 from ranking r where r.task_id = t.id and r.labeler = in_labeler) is null
      order by d.saved_at desc limit 1 for update of t skip locked;
    if found then
      drafted := true;
      return;
    end if;
  end if;
  if in_gold_roll < rules.gold_share then
    select t.id, t.body into task_id, body from task t
      where t.project_id = in_project and t.gold
        and (select 1 from lease l where l.task_id = t.id and l.labeler = in_labeler) is null
        and (select 1 from ranking r where r.task_id = t.id and r.labeler = in_labeler) is null
        and (select 1 from remark s where s.task_id = t.id and s.labeler = in_labeler and s.kind = 'SKIP' limit 1) is null
      order by t.draw < in_draw, t.draw limit 1 for update of t skip locked;
    if found then
      return;
    end if;
  end if;
  if rules.active_sampling and in_uniform_roll < rules.uniform_share then
    select t.priority into top from task t
      where t.project_id = in_project and t.open
      order by -t.priority, -t.urgency, -t.disagreement, t.position limit 1;
    -- One of the next few behind a random place, and not the next: that would favour tasks behind a gap. They are looked
    -- at in a random order until one is found that the labeler has not had.
    select t.id, t.body into task_id, body from task t
      where t.open and t.id = (
        select w.id from (
          select c.id from (
              (select c.id from task c
                where c.project_id = in_project and c.priority = top and c.draw >= in_draw
                  and c.open
                order by c.project_id, c.priority, c.draw limit 32)
              union all
              (select c.id from task c
                where c.project_id = in_project and c.priority = top and c.draw < in_draw
                  and c.open
                order by c.project_id, c.priority, c.draw limit 32)
              limit 32) c
            order by random() limit 32) w
          where (select 1 from lease l where l.task_id = w.id and l.labeler = in_labeler) is null
            and (select 1 from ranking r where r.task_id = w.id and r.labeler = in_labeler) is null
            and (select 1 from remark s where s.task_id = w.id and s.labeler = in_labeler and s.kind = 'SKIP' limit 1) is null
          limit 1)
      for update of t skip locked;
    if found then
      return;
    end if;
  end if;
  if in_wait then
    select t.id, t.body, -t.priority, -t.urgency, -t.disagreement, t.position
      into task_id, body, at_priority, at_urgency, at_disagreement, at_position from task t
      where t.project_id = in_project and t.open
        and (-t.priority, -t.urgency, -t.disagreement, t.position)
          >= (in_from_priority, in_from_urgency, in_from_disagreement, in_from_position)
        and (select 1 from lease l where l.task_id = t.id and l.labeler = in_labeler) is null
        and (select 1 from ranking r where r.task_id = t.id and r.labeler = in_labeler) is null
        and (select 1 from remark s where s.task_id = t.id and s.labeler = in_labeler and s.kind = 'SKIP' limit 1) is null
      order by -t.priority, -t.urgency, -t.disagreement, t.position limit 1 for update of t;
  else
    select t.id, t.body, -t.priority, -t.urgency, -t.disagreement, t.position
      into task_id, body, at_priority, at_urgency, at_disagreement, at_position from task t
      where t.project_id = in_project and t.open
        and (-t.priority, -t.urgency, -t.disagreement, t.position)
          >= (in_from_priority, in_from_urgency, in_from_disagreement, in_from_position)
        and (select 1 from lease l where l.task_id = t.id and l.labeler = in_labeler) is null
        and (select 1 from ranking r where r.task_id = t.id and r.labeler = in_labeler) is null
        and (select 1 from remark s where s.task_id = t.id and s.labeler = in_labeler and s.kind = 'SKIP' limit 1) is null
      order by -t.priority, -t.urgency, -t.disagreement, t.position limit 1 for update of t skip locked;
  end if;
  if not found then
    status := 'none';
    return;
  end if;
  if rules.begun then
    select true into drafted from draft d where d.task_id = next_task.task_id and d.labeler = in_labeler;
  end if;
end $$;

create function submission_state(
  in_person text, in_key text, in_project text, in_task text, in_labeler text, in_erased text,
  out status text, out answer_sha256 text, out answer_status int, out answer_body text, out pause_reason text,
  out task_body text, out overlap int, out taken int, out gold boolean, out lease_order text,
  out revision int, out retracted boolean, out ranking_order text, out ranking_body text)
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
begin
  if not pg_try_advisory_xact_lock(hashtextextended(in_person || chr(10) || in_key, 7)) then
    status := 'in_flight';
    return;
  end if;
  select a.request_sha256, a.status, a.body into answer_sha256, answer_status, answer_body
    from idempotent_answer a where a.person = in_person and a.key = in_key;
  if found then
    status := 'answered';
    return;
  end if;
  -- Whoever erases a name waits for those who submit under it, and they see it when it was first.
  perform pg_advisory_xact_lock_shared(hashtextextended(in_labeler, 13));
  if (select 1 from erased_name e where e.hash = in_erased) is not null then
    status := 'erased';
    return;
  end if;
  -- The task's lock first, then what hangs on it.
  select t.body, t.overlap, t.taken, t.gold into task_body, overlap, taken, gold
    from task t where t.id = in_task and t.project_id = in_project for update;
  if not found then
    status := 'unknown';
    return;
  end if;
  status := 'open';
  select s.pause_reason into pause_reason from labeler_state s
    where s.project_id = in_project and s.labeler = in_labeler and s.paused_at is not null;
  select l.shown_order into lease_order from lease l where l.task_id = in_task and l.labeler = in_labeler;
  select r.revision, r.retracted, r.shown_order, r.body into revision, retracted, ranking_order, ranking_body
    from ranking r where r.task_id = in_task and r.labeler = in_labeler;
end $$;

-- The next task, held: what next_task chooses, and its lease. Its order is the labeler's own (empty in the row).
create function hold_task(
  in_project text, in_labeler text, in_after text, in_now timestamptz, in_until timestamptz,
  in_gold_roll double precision, in_uniform_roll double precision, in_draw double precision, in_wait boolean,
  in_from_priority int, in_from_urgency real, in_from_disagreement real, in_from_position bigint,
  out status text, out task_id text, out shown_order text, out body text, out reason text, out drafted boolean,
  out at_priority int, out at_urgency real, out at_disagreement real, out at_position bigint)
language plpgsql
as $$
declare
  n record;
begin
  n := next_task(in_project, in_labeler, in_after, in_now, in_until, in_gold_roll, in_uniform_roll, in_draw, in_wait,
    in_from_priority, in_from_urgency, in_from_disagreement, in_from_position);
  status := n.status;
  task_id := n.task_id;
  shown_order := n.shown_order;
  body := n.body;
  reason := n.reason;
  drafted := n.drafted;
  at_priority := n.at_priority;
  at_urgency := n.at_urgency;
  at_disagreement := n.at_disagreement;
  at_position := n.at_position;
  if status = 'new' then
    -- The task's row is locked since it was chosen.
    with one as (update task t set taken = t.taken + 1 where t.id = hold_task.task_id)
    insert into lease (task_id, project_id, labeler, shown_order, granted_at, expires_at)
      values (hold_task.task_id, in_project, in_labeler, '', in_now, in_until);
  end if;
end $$;

-- The same, asked for by itself.
create function take_task(
  in_project text, in_labeler text, in_after text, in_now timestamptz, in_until timestamptz,
  in_gold_roll double precision, in_uniform_roll double precision, in_draw double precision, in_wait boolean,
  in_from_priority int, in_from_urgency real, in_from_disagreement real, in_from_position bigint,
  out status text, out task_id text, out shown_order text, out body text, out reason text, out drafted boolean,
  out at_priority int, out at_urgency real, out at_disagreement real, out at_position bigint)
language sql
set enable_seqscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
  select * from hold_task(in_project, in_labeler, in_after, in_now, in_until, in_gold_roll, in_uniform_roll, in_draw, in_wait,
    in_from_priority, in_from_urgency, in_from_disagreement, in_from_position);
$$;

-- The ranking that most are: the first of a labeler on an ordinary task that they hold, by somebody whose rights are of
-- the version by which the request was let in (null: they were just looked up). All that belongs to it is
-- written, and the next task may come along. Whatever is not so plain is left as it was; and so is, unless in_wait, what
-- others have locked (busy): several are written together, and who waits with the locks of some for those of others may wait
-- for ever.
create function submit_first(
  in_project text, in_task text, in_labeler text, in_erased text, in_key text, in_sha256 text, in_shown text,
  in_event text, in_type text, in_body text, in_answer text, in_trace text, in_topic text, in_duration bigint,
  in_shown_count int, in_winner int, in_version bigint, in_wait boolean, in_next boolean, in_after text, in_now timestamptz,
  in_until timestamptz, in_gold_roll double precision, in_uniform_roll double precision, in_draw double precision,
  in_from_priority int, in_from_urgency real, in_from_disagreement real, in_from_position bigint,
  out submitted boolean, out busy boolean, out status text, out task_id text, out shown_order text, out body text, out reason text,
  out drafted boolean, out at_priority int, out at_urgency real, out at_disagreement real, out at_position bigint)
language plpgsql
set enable_seqscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  n record;
begin
  submitted := false;
  busy := false;
  status := 'none';
  -- A twin in flight; and whoever erases a name waits for those who submit under it.
  if not pg_try_advisory_xact_lock(hashtextextended(in_labeler || chr(10) || in_key, 7))
      or not pg_try_advisory_xact_lock_shared(hashtextextended(in_labeler, 13)) then
    return;
  end if;
  -- The task's lock first, then what hangs on it.
  if in_wait then
    perform 1 from task t where t.id = in_task for update;
  end if;
  perform 1 from task t
    where t.id = in_task and t.project_id = in_project and not t.gold
      and (select 1 from idempotent_answer a where a.person = in_labeler and a.key = in_key) is null
      and (select 1 from erased_name e where e.hash = in_erased) is null
      and (in_version is null or (select 1 from person p where p.name = in_labeler and p.version = in_version) is not null)
      and (select 1 from labeler_state s where s.project_id = in_project and s.labeler = in_labeler
        and s.paused_at is not null) is null
    for update of t skip locked;
  if not found then
    perform 1 from task t where t.id = in_task for update skip locked;
    busy := not found and not in_wait;
    return;
  end if;
  -- The lease's place becomes the ranking's.
  with held as (
    delete from lease l
      where l.task_id = in_task and l.labeler = in_labeler and (l.shown_order = '' or l.shown_order = in_shown)
        and (select 1 from ranking r where r.task_id = in_task and r.labeler = in_labeler) is null
      returning 1),
  -- What is saved just now is not waited for: who saves it may be slow to commit. It stays, of revision 0, which no
  -- ranking has any more: it is shown to nobody.
  begun as (
    delete from draft d where d.labeler = in_labeler and d.task_id = (
      select x.task_id from draft x
        where x.task_id = in_task and x.labeler = in_labeler and (select 1 from held) is not null
        for update skip locked)),
  ranked as (
    insert into ranking (task_id, labeler, project_id, revision, retracted, shown_order, body, submitted_at,
        duration_millis, shown_count, winner_position)
      select in_task, in_labeler, in_project, 1, false, in_shown, in_body, in_now, in_duration, in_shown_count, in_winner
        from held),
  answered as (
    insert into idempotent_answer (person, key, request_sha256, status, body, created_at)
      select in_labeler, in_key, in_sha256, 201, in_answer, in_now from held)
  insert into outbox (id, aggregatetype, aggregateid, type, payload, subject, created_at, traceparent)
    select in_event, in_topic, in_task, in_type, in_body, in_task, in_now, in_trace from held;
  if not found then
    return;
  end if;
  submitted := true;
  -- Nothing is waited for with the task's lock in hand: two who wait for one another's would wait for ever.
  if in_next and pg_try_advisory_xact_lock(hashtextextended(in_project || chr(10) || in_labeler, 11)) then
    n := hold_task(in_project, in_labeler, in_after, in_now, in_until, in_gold_roll, in_uniform_roll, in_draw, null,
      in_from_priority, in_from_urgency, in_from_disagreement, in_from_position);
    status := n.status;
    task_id := n.task_id;
    shown_order := n.shown_order;
    body := n.body;
    reason := n.reason;
    drafted := n.drafted;
    at_priority := n.at_priority;
    at_urgency := n.at_urgency;
    at_disagreement := n.at_disagreement;
    at_position := n.at_position;
  end if;
end $$;

-- As instances of the version before call it, one ranking by itself; to be dropped with the next version.
create function submit_first(
  in_project text, in_task text, in_labeler text, in_erased text, in_key text, in_sha256 text, in_shown text,
  in_event text, in_type text, in_body text, in_answer text, in_trace text, in_topic text, in_duration bigint,
  in_shown_count int, in_winner int, in_version bigint, in_next boolean, in_after text, in_now timestamptz, in_until timestamptz,
  in_gold_roll double precision, in_uniform_roll double precision, in_draw double precision,
  in_from_priority int, in_from_urgency real, in_from_disagreement real, in_from_position bigint,
  out submitted boolean, out status text, out task_id text, out shown_order text, out body text, out reason text,
  out drafted boolean, out at_priority int, out at_urgency real, out at_disagreement real, out at_position bigint)
language sql
as $$
  select f.submitted, f.status, f.task_id, f.shown_order, f.body, f.reason, f.drafted, f.at_priority, f.at_urgency,
      f.at_disagreement, f.at_position
    from submit_first(in_project, in_task, in_labeler, in_erased, in_key, in_sha256, in_shown, in_event, in_type, in_body,
      in_answer, in_trace, in_topic, in_duration, in_shown_count, in_winner, in_version, true, in_next, in_after, in_now,
      in_until, in_gold_roll, in_uniform_roll, in_draw, in_from_priority, in_from_urgency, in_from_disagreement,
      in_from_position) f;
$$;
