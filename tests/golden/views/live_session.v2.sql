create table live_session (position bigint not null
  , live_session_id uuid not null
  , consultation_id uuid
  , examination_id uuid
  , facility_id uuid not null
  , partner_id uuid
  , status text not null
  , opened_at timestamptz not null
  , closed_at timestamptz
  , workers jsonb not null
  , present bigint not null
  , tracks_live bigint not null
  , people_position bigint not null
  , tracks_position bigint not null
  , recording text
  , last_alarm text
  , last_alarm_at timestamptz
  , last_alarm_detail text
  , primary key (live_session_id));
create index on live_session (consultation_id);
create index on live_session (examination_id);
create index on live_session (facility_id
  , opened_at);
create index on live_session (opened_at
  , live_session_id);
create table live_session_participant (position bigint not null
  , live_session_id uuid not null
  , participant_id uuid not null
  , person_id uuid not null
  , facility_id uuid
  , kind text not null
  , part text not null
  , present boolean not null
  , since timestamptz
  , gone_at timestamptz
  , gone_because text
  , rung text
  , stays bigint not null
  , muted boolean not null
  , removed_at timestamptz
  , removed_because text
  , primary key (live_session_id
  , participant_id));
create table live_session_track (position bigint not null
  , live_session_id uuid not null
  , track_id uuid not null
  , participant_id uuid not null
  , source text not null
  , codec text not null
  , width bigint not null
  , height bigint not null
  , people jsonb not null
  , consented jsonb not null
  , examination_id uuid
  , device_id uuid
  , patient_id uuid
  , category text
  , withheld_from jsonb not null
  , continues uuid
  , published_at timestamptz not null
  , ended_at timestamptz
  , ended_because text
  , diagnostic boolean
  , measured jsonb
  , frozen boolean not null
  , primary key (live_session_id
  , track_id));
create index on live_session_track (examination_id);
