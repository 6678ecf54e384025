-- The relay reads and deletes by position; an index of random ids had to be written with each event for nobody.
alter table outbox drop constraint outbox_pkey;
alter table outbox add primary key (position);
drop index outbox_position;
