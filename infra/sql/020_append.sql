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
-- `event_of`; the events of a command stand together and in their order. Outcomes, in the order of the commands:
--   ok         its events are in the log
--   duplicate  the command id took effect earlier, be it in this batch: here is that first answer
--   conflict   its stream, or a stream that it rests on, is not at the expected version; nothing was added
--
-- Both tables are large and what is asked of them is little, but a plan that was made when they were small may read
-- them whole for as long as the connection lives; hence the settings.
create or replace function append_events(
    command_ids uuid[], fingerprints bytea[], stream_ids uuid[], expected_versions bigint[],
    guard_of int[], guard_streams uuid[], guard_versions bigint[],
    event_of int[], topics text[], schema_versions smallint[], states bytea[], metadatas bytea[]
) returns table (ordinal int, outcome text, stream_id uuid, version bigint, last_position bigint, fingerprint bytea)
language plpgsql set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
    first_position bigint;
    taken_at timestamptz;
    admitted int[];
begin
    perform lock_log();

    select coalesce(array_agg(ordinal), '{}') into admitted
      from unnest(command_ids, stream_ids, expected_versions) with ordinality
        as asked (command_id, stream_id, expected, ordinal)
     where expected = coalesce((select max(originator_version) from events where originator_id = asked.stream_id), 0)
       and not exists (select from commands where commands.command_id = asked.command_id)
       -- No earlier command of this batch is the same one, or writes what this one writes.
       and array_position(command_ids, command_id) = ordinal
       and array_position(stream_ids, stream_id) = ordinal;

    -- One pass over all guards: asking for each command's own ones would be quadratic in the size of the batch.
    if cardinality(guard_of) > 0 then
        select coalesce(array_agg(ordinal), '{}') into admitted
          from unnest(admitted) as asked (ordinal)
         where ordinal <> all (array(
            select guard.ordinal from unnest(guard_of, guard_streams, guard_versions) as guard (ordinal, stream_id, expected)
             where expected <> coalesce(
                        (select max(originator_version) from events where originator_id = guard.stream_id), 0)
                   -- An earlier command of this batch writes what this one rests on.
                or array_position(stream_ids, guard.stream_id) < guard.ordinal));
    end if;

    if cardinality(admitted) > 0 then
        select * into first_position, taken_at from take_positions(
            (select count(*) from unnest(event_of) as of (ordinal) where ordinal = any (admitted)));

        with entering as materialized (
            select ordinal, row_number() over (order by place) as nth_of_all,
                   place - array_position(event_of, ordinal) + 1 as nth,
                   topic, schema_version, state, metadata
              from unnest(event_of, topics, schema_versions, states, metadatas) with ordinality
                as _ (ordinal, topic, schema_version, state, metadata, place)
             where ordinal = any (admitted)
        ), added as (
            insert into events
            select first_position - 1 + nth_of_all, stream_ids[ordinal], expected_versions[ordinal] + nth,
                   topic, schema_version, state, metadata, taken_at
              from entering
        )
        insert into commands
        select command_ids[ordinal], fingerprints[ordinal], stream_ids[ordinal],
               expected_versions[ordinal] + max(nth), first_position - 1 + max(nth_of_all)
          from entering
         group by ordinal;

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
