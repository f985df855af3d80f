create table patient_record (position bigint not null
  , stream_id uuid not null
  , version bigint not null
  , patient_id uuid not null
  , aggregate text not null
  , event text not null
  , happened_at timestamptz not null
  , recorded_at timestamptz not null
  , actor_id uuid not null
  , facility_id uuid
  , content jsonb not null
  , primary key (stream_id
  , version));
create index on patient_record (patient_id
  , position
  , stream_id
  , version);
create table patient_record_merged (position bigint not null
  , stream_id uuid not null
  , surviving_id uuid not null
  , primary key (stream_id));
create index on patient_record_merged (surviving_id);
