-- Keyed hashes of the names of erased people: the log still knows the revisions of that name, so nobody may take it.
create table erased_name (
  hash text primary key,
  erased_at timestamptz not null
);
