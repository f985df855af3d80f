create table live_recording (position bigint not null
  , live_session_id uuid not null
  , recording_id uuid not null
  , track_ids jsonb not null
  , people jsonb not null
  , status text not null
  , authorised_at timestamptz not null
  , authorised_by uuid not null
  , started_at timestamptz
  , first_bytes_at timestamptz
  , stopped_at timestamptz
  , stopped_because text
  , gaps jsonb not null
  , sealed_at timestamptz
  , sha256 text
  , media_type text
  , size bigint
  , duration_ms bigint
  , key_id text
  , failed_at timestamptz
  , failed_because text
  , failure_detail text
  , consent_withdrawn_by jsonb not null
  , accesses jsonb not null
  , primary key (live_session_id
  , recording_id));
create index on live_recording (recording_id);
create index on live_recording (authorised_at
  , recording_id);
