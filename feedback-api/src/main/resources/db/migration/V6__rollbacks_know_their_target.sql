-- The change that a rollback went back to, 0 for a change forth: what came after that was undone.
alter table channel_change add column rolled_back_to bigint not null default 0;
update channel_change set rolled_back_to = coalesce(
  substring(body::json ->> 'reason' from '^rolled back from .* to change ([0-9]{1,18})$')::bigint, 0);
