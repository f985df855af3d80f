-- Appends for applications that are built on the eventsourcing library: events of any number of streams, all or none,
-- under the same lock and with the same positions as everybody else's.
--
-- The library names the versions itself. They must follow what is there without a hole (a new stream begins at 0 or
-- 1), because others guard their decisions by the last version. A call is known by its command id, so that one whose
-- reply was lost and that is sent again gets its first answer, and not a clash with itself.
create or replace function append_stored_events(
    asked_id uuid, originator_ids uuid[], originator_versions bigint[], topics text[], schema_versions smallint[],
    states bytea[], metadata_of_all bytea, out first_position bigint, out repeated boolean
) language plpgsql as $$
declare
    taken_at timestamptz;
    wanted constant bigint := cardinality(originator_ids);
begin
    perform lock_log();

    select last_position - wanted + 1 into first_position from commands where command_id = asked_id;
    repeated := found;
    if repeated then
        return;
    end if;

    if exists (
        select from unnest(originator_ids, originator_versions) as asked (id, version)
         group by id
        having max(version) - min(version) >= count(*)
            or min(version) <> coalesce(
                (select max(originator_version) + 1 from events where originator_id = id), least(1, min(version)))
    ) then
        raise unique_violation using message = 'the versions do not follow those in the log';
    end if;

    select * into first_position, taken_at from take_positions(wanted);
    insert into events
    select first_position - 1 + place, id, version, topic, schema_version, state, metadata_of_all, taken_at
      from unnest(originator_ids, originator_versions, topics, schema_versions, states) with ordinality
        as _ (id, version, topic, schema_version, state, place);
    insert into commands
    values (asked_id, '', originator_ids[wanted], originator_versions[wanted], first_position + wanted - 1);
    perform pg_notify('events', '');
end $$;
