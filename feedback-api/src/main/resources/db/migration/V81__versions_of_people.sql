-- Another one with every change of who somebody is and what they may, and never the same again: whoever was let in by
-- what was known a moment ago can tell whether it still holds.
create sequence person_version;
alter table person add column version bigint not null default nextval('person_version');

create function person_has_changed() returns trigger language plpgsql as $$
begin
  new.version := nextval('person_version');
  return new;
end $$;
create trigger person_version before update on person for each row execute function person_has_changed();

create function member_has_changed() returns trigger language plpgsql as $$
begin
  update person set version = 0 where name = coalesce(new.person, old.person);
  if tg_op = 'UPDATE' and new.person <> old.person then
    update person set version = 0 where name = old.person;
  end if;
  return null;
end $$;
create trigger member_version after insert or update or delete on project_member
  for each row execute function member_has_changed();
