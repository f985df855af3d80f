create table examination_timeline_entry (position bigint not null
  , examination_id uuid not null
  , version bigint not null
  , what text not null
  , happened_at timestamptz not null
  , recorded_at timestamptz not null
  , actor_id uuid not null
  , actor_facility_id uuid
  , text text
  , reason text
  , content_sha256 text
  , device jsonb
  , device_id uuid
  , observation jsonb
  , image jsonb
  , assessment jsonb
  , diagnosis jsonb
  , decision jsonb
  , primary key (examination_id
  , version));
create table examination_timeline (position bigint not null
  , examination_id uuid not null
  , patient_id uuid not null
  , point_id uuid not null
  , remote_facility_id uuid not null
  , remote_doctor_id uuid not null
  , kind text not null
  , speciality text not null
  , referral_id uuid
  , consultation_id uuid
  , status text not null
  , ordered_at timestamptz not null
  , started_at timestamptz
  , assessed_at timestamptz
  , signed_at timestamptz
  , devices_connected jsonb not null
  , images bigint not null
  , images_for_diagnosis bigint not null
  , observations bigint not null
  , diagnoses jsonb not null
  , decided_at timestamptz
  , amendments bigint not null
  , content_sha256 text not null
  , primary key (examination_id));
create index on examination_timeline (point_id
  , ordered_at
  , examination_id);
create index on examination_timeline (remote_facility_id
  , ordered_at
  , examination_id);
create index on examination_timeline (remote_doctor_id
  , ordered_at);
create index on examination_timeline (patient_id
  , ordered_at);
create index on examination_timeline (ordered_at
  , examination_id);
