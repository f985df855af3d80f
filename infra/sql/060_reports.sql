-- How far the runs of reports that are being computed have come. It is told to whoever waits, and lost in a crash: the
-- run is computed anew then.
create unlogged table if not exists report_progress (
    run_id   uuid   not null primary key,
    position bigint not null,
    upto     bigint not null check (upto > 0)
);
