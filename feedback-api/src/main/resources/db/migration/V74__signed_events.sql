-- Signature of the event's key and value, which goes into its header podium_signature; null: not signed.
alter table outbox add column signature text;
