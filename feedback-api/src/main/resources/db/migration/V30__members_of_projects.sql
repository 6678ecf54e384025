-- Who may do what in which project. So far a role held in every project: for those who are there it still does.
alter table person
  add column administrator boolean not null default false,
  add column every_project text check (every_project in ('operator', 'labeler', 'service'));
update person set
  administrator = (role = 'operator'),
  every_project = case when role <> 'operator' then role end;
alter table person drop column role;

create table project_member (
  project_id text not null references project,
  person text not null references person on delete cascade,
  role text not null check (role in ('operator', 'labeler', 'service')),
  primary key (project_id, person)
);
create index project_member_person on project_member (person);
