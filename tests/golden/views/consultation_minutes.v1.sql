create table consultation_minutes (position bigint not null
  , consultation_id uuid not null
  , title text not null
  , kind text not null
  , mode text not null
  , speciality text not null
  , status text not null
  , centre_id uuid not null
  , responsible_id uuid not null
  , chair_id uuid not null
  , opened_at timestamptz
  , closed_at timestamptz
  , cases jsonb not null
  , minutes_version bigint not null
  , content_sha256 text not null
  , genuine boolean not null
  , primary key (consultation_id));
create table consultation_minutes_version (position bigint not null
  , consultation_id uuid not null
  , minutes_version bigint not null
  , content_sha256 text not null
  , written_at timestamptz not null
  , written_by uuid not null
  , case_id uuid
  , reason text
  , text text
  , signatures jsonb not null
  , completed_at timestamptz
  , primary key (consultation_id
  , minutes_version));
