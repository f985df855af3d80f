-- Appends are serialised by one advisory transaction lock: only so are positions dense and in commit order, and only
-- so does a reader that tails the log never miss an event. Group commit makes the lock cheap.
create or replace function lock_log() returns void language sql as $$
    select pg_advisory_xact_lock(8420200827)
$$;

-- Takes the next `wanted` positions and the time of record, which never runs backwards: so a time names a position.
create or replace function take_positions(wanted bigint, out first_position bigint, out taken_at timestamptz)
language sql as $$
    update head
       set position = head.position + wanted, recorded_at = greatest(clock_timestamp(), head.recorded_at)
 returning head.position - wanted + 1, head.recorded_at
$$;

-- Appends the events of many commands, each command wholly or not at all.
--
-- A command is known by its ordinal in the first four arrays. Guards and events name theirs in `guard_of` and
-- `event_of`; events of a command stand in their order. Outcomes:
--   ok         its events are in the log
--   duplicate  the command id took effect earlier, be it in this batch: here is that first answer
--   conflict   its stream, or a stream that it rests on, is not at the expected version; nothing was added
create or replace function append_events(
    command_ids uuid[], fingerprints bytea[], stream_ids uuid[], expected_versions bigint[],
    guard_of int[], guard_streams uuid[], guard_versions bigint[],
    event_of int[], topics text[], schema_versions smallint[], states bytea[], metadatas bytea[]
) returns table (ordinal int, outcome text, stream_id uuid, version bigint, last_position bigint, fingerprint bytea)
language plpgsql as $$
#variable_conflict use_column
declare
    taken  record;
    admitted int[];
begin
    perform lock_log();

    with asked as materialized (
        select ordinality::int as ordinal, command_id, stream_id, expected
          from unnest(command_ids, stream_ids, expected_versions) with ordinality
            as _ (command_id, stream_id, expected, ordinality)
    ), rested_on as materialized (
        select ordinal, stream_id, expected as version from asked
        union all
        select * from unnest(guard_of, guard_streams, guard_versions)
    ), refused as (
        select ordinal from asked join commands using (command_id)
        union all
        select ordinal from rested_on r
         where r.version <> coalesce(
            (select max(originator_version) from events where originator_id = r.stream_id), 0)
        union all -- An earlier command of this batch writes what this one rests on, or is the same command.
        select later.ordinal from rested_on later join asked earlier
            on earlier.stream_id = later.stream_id and earlier.ordinal < later.ordinal
        union all
        select later.ordinal from asked later join asked earlier
            on earlier.command_id = later.command_id and earlier.ordinal < later.ordinal
    )
    select coalesce(array_agg(ordinal), '{}') into admitted
      from asked where ordinal not in (select ordinal from refused);

    if cardinality(admitted) > 0 then
        select * into taken from take_positions(
            (select count(*) from unnest(event_of) as of (ordinal) where ordinal = any (admitted)));

        with added as (
            insert into events
            select taken.first_position - 1 + row_number() over (order by ordinal, place),
                   stream_ids[ordinal],
                   expected_versions[ordinal] + row_number() over (partition by ordinal order by place),
                   topic, schema_version, state, metadata, taken.taken_at
              from unnest(event_of, topics, schema_versions, states, metadatas) with ordinality
                as _ (ordinal, topic, schema_version, state, metadata, place)
             where ordinal = any (admitted)
            returning originator_id, originator_version, notification_id
        )
        insert into commands
        select command_ids[ordinal], fingerprints[ordinal], added.originator_id,
               max(originator_version), max(notification_id)
          from unnest(admitted) as _ (ordinal) join added on added.originator_id = stream_ids[ordinal]
         group by ordinal, added.originator_id;

        perform pg_notify('events', '');
    end if;

    return query
    select asked.ordinal::int,
           case when asked.ordinal = any (admitted) then 'ok'
                when answer.command_id is not null then 'duplicate'
                else 'conflict' end,
           answer.stream_id, answer.version, answer.last_position, answer.fingerprint
      from unnest(command_ids) with ordinality as asked (command_id, ordinal)
      left join commands answer using (command_id)
     order by asked.ordinal;
end $$;
