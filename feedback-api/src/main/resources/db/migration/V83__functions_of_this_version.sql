-- For R__labeling_functions.sql, which says why.
select 1;
