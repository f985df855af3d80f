create table audience (position bigint not null
  , stream_id uuid not null
  , party_id uuid not null
  , party text not null
  , primary key (stream_id
  , party_id));
create index on audience (party_id
  , stream_id);
