create table live_messages (position bigint not null
  , live_session_id uuid not null
  , version bigint not null
  , message_id uuid not null
  , participant_id uuid not null
  , text text not null
  , written_at timestamptz not null
  , primary key (live_session_id
  , version));
