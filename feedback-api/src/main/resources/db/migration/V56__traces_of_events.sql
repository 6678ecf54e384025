-- What caused an event, in W3C's form; absent for events written before this column.
alter table outbox add column traceparent text;
