-- A command may carry 16 MB of prompts and is kept in Kafka for ever; pages need these parts of it alone.
alter table round
  add column config text,
  add column initial_adapter text,
  add column reward_adapter text,
  add column request_sha256 text;
update round set
  config = command::json ->> 'config',
  initial_adapter = command::json ->> 'initialAdapter',
  reward_adapter = command::json ->> 'rewardAdapter';
alter table round alter column config set not null, drop column command;
