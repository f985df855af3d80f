-- Which runs of media workers live, how much each carries, and which of them carries a room. Not history: that is in the
-- log. A run is told to live by its beats, and by its session with this database, which ends the moment it is killed.
create table if not exists media_worker (
    run_id        uuid             primary key,
    name          text             not null,
    url           text             not null,
    pipe          text             not null,
    backend       integer          not null,
    backend_since timestamptz      not null,
    packets       double precision not null default 0,
    promised      double precision not null default 0,
    most          double precision not null,
    beat_at       timestamptz      not null default clock_timestamp()
) with (fillfactor = 50);

-- A room has one origin, where its publishers are, and perhaps edges, where some of those are who only watch.
-- `moved_from` is the lost run whose place the origin took.
create table if not exists media_room (
    live_session_id uuid        not null,
    run_id          uuid        not null references media_worker on delete cascade,
    edge            boolean     not null,
    moved_from      uuid,
    used_at         timestamptz not null default clock_timestamp(),
    primary key (live_session_id, run_id)
);
create unique index if not exists media_room_has_one_origin on media_room (live_session_id) where not edge;
create index if not exists media_room_of_run on media_room (run_id);
