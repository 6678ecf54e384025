-- Why Kafka will never take this event; such a row waits for an operator and holds nothing up.
alter table outbox add column refused text;
drop index outbox_position;
create index outbox_position on outbox (position) where refused is null;
