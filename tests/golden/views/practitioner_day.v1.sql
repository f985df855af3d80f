create table practitioner_day (position bigint not null
  , assignment_id uuid not null
  , practitioner_id uuid not null
  , facility_id uuid not null
  , starts_at timestamptz not null
  , ends_at timestamptz not null
  , released_reason text
  , primary key (assignment_id
  , practitioner_id));
create index on practitioner_day (practitioner_id
  , ends_at);
create table practitioner_day_consultation (position bigint not null
  , consultation_id uuid not null
  , title text not null
  , kind text not null
  , speciality text not null
  , centre_id uuid not null
  , responsible_id uuid not null
  , chair_id uuid not null
  , former_chairs jsonb not null
  , starts_at timestamptz not null
  , ends_at timestamptz not null
  , status text not null
  , primary key (consultation_id));
create index on practitioner_day_consultation (chair_id
  , ends_at);
create index on practitioner_day_consultation (responsible_id
  , ends_at);
create table practitioner_day_examination (position bigint not null
  , examination_id uuid not null
  , remote_doctor_id uuid not null
  , point_id uuid not null
  , speciality text not null
  , happens_at timestamptz not null
  , status text not null
  , primary key (examination_id));
create index on practitioner_day_examination (remote_doctor_id
  , happens_at);
