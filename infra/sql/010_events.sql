-- The log. Column names are those of the eventsourcing library, so that its recorders and tools can read the table;
-- `notification_id` is the dense position: 1, 2, 3 … in commit order, without a hole.
create table if not exists events (
    notification_id    bigint      not null primary key,
    originator_id      uuid        not null,
    originator_version bigint      not null check (originator_version >= 0),
    topic              text        not null,
    schema_version     smallint    not null default 1,
    state              bytea       not null,
    metadata           bytea       not null,
    recorded_at        timestamptz not null,
    unique (originator_id, originator_version)
) with (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);

-- The first answer to every command that took effect, so that a lost reply can be asked for again.
create table if not exists commands (
    command_id    uuid   not null primary key,
    fingerprint   bytea  not null,
    stream_id     uuid   not null,
    version       bigint not null,
    last_position bigint not null
);

-- One row: where the log ends. Small pages keep its many updates on one page (HOT).
create table if not exists head (
    singleton   boolean     not null primary key default true check (singleton),
    position    bigint      not null,
    recorded_at timestamptz not null
) with (fillfactor = 10);
insert into head (position, recorded_at) values (0, '-infinity') on conflict do nothing;
