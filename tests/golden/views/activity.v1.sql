create table activity (position bigint not null
  , act_id uuid not null
  , activity text not null
  , kind text not null
  , mode text
  , speciality text not null
  , helping_facility_id uuid not null
  , asking_facility_id uuid
  , day date
  , month date
  , primary key (act_id));
create index on activity (day);
