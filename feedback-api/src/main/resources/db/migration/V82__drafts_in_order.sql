-- Which browser a draft came from, and the time by its own clock: what it gave up sending may arrive behind what it sent next.
alter table draft add column writer bigint, add column sequence bigint;
