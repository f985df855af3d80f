create table link_ledger (position bigint not null
  , live_session_id uuid not null
  , participant_id uuid not null
  , person_id uuid not null
  , facility_id uuid
  , kind text not null
  , part text not null
  , admitted_at timestamptz not null
  , stays jsonb not null
  , changes jsonb not null
  , times_lost bigint not null
  , rung text
  , rung_since timestamptz
  , seconds_two_way_hd bigint not null
  , seconds_low bigint not null
  , seconds_audio bigint not null
  , seconds_chat_and_stills bigint not null
  , steps jsonb not null
  , crossings jsonb not null
  , worst_loss_percent numeric
  , worst_rtt_ms bigint
  , worst_jitter_ms bigint
  , worst_bitrate_kbps bigint
  , primary key (live_session_id
  , participant_id));
create index on link_ledger (facility_id
  , admitted_at);
create index on link_ledger (admitted_at
  , participant_id);
