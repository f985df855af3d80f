create table practitioner_register (position bigint not null
  , practitioner_id uuid not null
  , full_name text not null
  , searched_by text not null
  , licence_number text not null
  , licence_first_day date not null
  , licence_last_day date
  , specialities jsonb not null
  , home_facility_id uuid not null
  , status text not null
  , suspended_reason text
  , primary key (practitioner_id));
create index on practitioner_register (home_facility_id
  , searched_by);
create index on practitioner_register (searched_by
  , practitioner_id);
