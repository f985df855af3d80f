-- How far each worker group has come in each partition; written in the transaction that writes the rows of the views.
-- The position is the truth. The offset only saves reading again, and means something in that one Kafka cluster only.
create table if not exists projection_progress (
    worker_group text   not null,
    topic        text   not null,
    partition    int    not null,
    cluster_id   text   not null,
    kafka_offset bigint not null,
    position     bigint not null,
    primary key (worker_group, topic, partition)
);

-- Which tables stand behind a view's name today. A rebuild fills the next generation beside it and then swaps.
create table if not exists projection_generation (
    view       text not null primary key,
    version    int  not null,
    generation int  not null,
    tables     text[] not null,
    built_at   timestamptz not null default now()
);

-- Events that a view could not take in, and all later ones of their streams, kept aside in order.
create table if not exists projection_parked (
    view      text   not null,
    stream_id uuid   not null,
    position  bigint not null,
    reason    text   not null,
    parked_at timestamptz not null default now(),
    primary key (view, position)
);
create index if not exists projection_parked_stream on projection_parked (view, stream_id);
