create table picture_marks (position bigint not null
  , live_session_id uuid not null
  , version bigint not null
  , what text not null
  , happened_at timestamptz not null
  , track_id uuid not null
  , participant_id uuid
  , rtp_timestamp bigint
  , taken_at timestamptz
  , shape text
  , dots jsonb not null
  , label text
  , stroke_ids jsonb not null
  , image_id uuid
  , diagnostic boolean
  , primary key (live_session_id
  , version));
create index on picture_marks (track_id);
create index on picture_marks (image_id);
create table picture_marks_drawing (position bigint not null
  , live_session_id uuid not null
  , stroke_id uuid not null
  , track_id uuid not null
  , participant_id uuid not null
  , shape text not null
  , dots jsonb not null
  , label text
  , drawn_at timestamptz not null
  , cleared_at timestamptz
  , primary key (live_session_id
  , stroke_id));
