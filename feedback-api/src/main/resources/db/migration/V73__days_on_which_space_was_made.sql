-- One row a day: the instance that adds it applies the policies of retention and collects what nothing needs.
create table space_day (
  day date primary key
);
