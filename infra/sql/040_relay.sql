-- How far the log has been carried to Kafka, on each lane. `partitions` holds the last position in each partition of each
-- topic, from which the links between messages are made: so a message that is sent again is the same message. Whoever
-- takes over raises `epoch`; who has an older one may not write here any more, and stops. `form` tells in which form
-- events are carried: the id of the key that makes the pseudonyms, nothing where they are carried as they are.
create table if not exists relay_progress (
    lane       text        not null default 'telehealth',
    epoch      bigint      not null,
    cluster_id text        not null,
    position   bigint      not null,
    partitions jsonb       not null,
    written_at timestamptz not null default now(),
    form       text        not null default '',
    constraint relay_progress_lane primary key (lane)
) with (fillfactor = 50);

-- What was there when the log had one lane.
do $$
begin
    if exists (select from information_schema.columns
                where table_schema = current_schema() and table_name = 'relay_progress' and column_name = 'singleton')
    then
        alter table relay_progress drop column singleton,
            add column lane text not null default 'telehealth', add column form text not null default '',
            add constraint relay_progress_lane primary key (lane);
    end if;
end
$$;
