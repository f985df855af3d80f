-- How far the log has been carried to Kafka. `partitions` holds the last position in each partition of each topic, from
-- which the links between messages are made: so a message that is sent again is the same message. Whoever takes over
-- raises `epoch`; who has an older one may not write here any more, and stops.
create table if not exists relay_progress (
    singleton  boolean not null primary key default true check (singleton),
    epoch      bigint  not null,
    cluster_id text    not null,
    position   bigint  not null,
    partitions jsonb   not null,
    written_at timestamptz not null default now()
) with (fillfactor = 50);
