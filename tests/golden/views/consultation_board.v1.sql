create table consultation_board (position bigint not null
  , consultation_id uuid not null
  , title text not null
  , kind text not null
  , mode text not null
  , speciality text not null
  , teaching boolean not null
  , starts_at timestamptz not null
  , ends_at timestamptz not null
  , status text not null
  , centre_id uuid not null
  , responsible_id uuid not null
  , chair_id uuid not null
  , floor_id uuid
  , opened_at timestamptz
  , closed_at timestamptz
  , cancelled_reason text
  , points_invited bigint not null
  , points_position bigint not null
  , cases jsonb not null
  , issues jsonb not null
  , primary key (consultation_id));
create index on consultation_board (starts_at
  , consultation_id);
create index on consultation_board (status
  , starts_at);
create table consultation_board_point (position bigint not null
  , consultation_id uuid not null
  , facility_id uuid not null
  , place bigint not null
  , role text not null
  , presence text not null
  , joined_at timestamptz
  , left_at timestamptz
  , left_reason text
  , times_rejoined bigint not null
  , primary key (consultation_id
  , facility_id));
create index on consultation_board_point (facility_id
  , consultation_id);
