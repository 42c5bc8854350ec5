-- One of everything that a dump can hold, for a restore to bring back.
create role reader nologin;
create extension pg_trgm;
create extension btree_gist;
create type mood as enum ('sad', 'ok', 'happy');
create type place as (street text, number int);
create domain percent as numeric check (value between 0 and 100);
create collation numeric_order (provider = icu, locale = 'en-u-kn-true');
create schema "an ""odd"" schema";
create sequence tickets start 1000 increment 5;
select nextval('tickets'), nextval('tickets');
create table people (
    id bigint generated always as identity primary key,
    name text not null collate numeric_order,
    feels mood default 'ok',
    at place,
    rate percent,
    shouted text generated always as (upper(name)) stored,
    old serial
);
insert into people (name, feels, at, rate) select 'ünï ' || n, 'happy', row('Straße', n)::place, n % 100
from generate_series(1, 500) n;
create index on people using gin (name gin_trgm_ops);
create index on people (lower(name)) where feels = 'happy';
create statistics people_stats (dependencies) on feels, rate from people;
comment on table people is 'it''s "people"';
create table "an ""odd"" schema"."Tab	le" ("Col umn" text, b bytea, j jsonb);
insert into "an ""odd"" schema"."Tab	le" values ('a	b' || chr(10) || '\.', '\x00ff', '{"a": null}');
create table visits (person bigint references people, at timestamptz not null) partition by range (at);
create table visits_2025 partition of visits for values from ('2025-01-01') to ('2026-01-01');
create table visits_2026 partition of visits for values from ('2026-01-01') to ('2027-01-01');
insert into visits select n, '2025-06-01'::timestamptz + n * interval '1 day' from generate_series(1, 400) n;
create index on visits (at);
create table bookings (room int, during tstzrange, exclude using gist (room with =, during with &&));
insert into bookings values (1, '[2025-01-01, 2025-01-02)'), (1, '[2025-01-03, 2025-01-04)');
create unlogged table scratchpad as select 1 as a;
create table parents (a int);
create table children (b int) inherits (parents);
insert into children values (1, 2);
create view happy as select * from people where feels = 'happy';
create materialized view per_mood as select feels, count(*) from people group by 1;
create unique index on per_mood (feels);
create rule no_delete as on delete to bookings do instead nothing;
create function doubled(a int) returns int language sql immutable begin atomic select a * 2; end;
create function noted() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger noting before insert on people for each row execute function noted();
create procedure tidy() language sql as 'delete from parents where false';
create aggregate longest(text) (sfunc = textcat, stype = text);
alter table people enable row level security;
create policy own on people for select to reader using (feels <> 'sad');
grant select on people to reader;
grant usage on sequence tickets to reader;
alter default privileges in schema public grant select on tables to reader;
create function refused() returns event_trigger language plpgsql as $$ begin end $$;
create event trigger watching on ddl_command_start execute function refused();
create publication all_people for table people;
create extension postgres_fdw;
create server elsewhere foreign data wrapper postgres_fdw options (host 'nowhere');
create foreign table far (a int) server elsewhere;
create text search configuration plain (copy = simple);
create cast (place as text) with inout as assignment;
select lo_from_bytea(4242, '\x010203');
comment on large object 4242 is 'three bytes';
create table schema_migrations (version varchar primary key);
insert into schema_migrations values ('20260101000000'), ('20260202000000');
