create table facility_register (position bigint not null
  , facility_id uuid not null
  , national_code text not null
  , name_vi text not null
  , name_en text
  , searched_by text not null
  , tier text not null
  , province_code text not null
  , province text not null
  , district_code text
  , district text
  , commune_code text
  , listed_on date not null
  , parent_id uuid
  , latitude numeric
  , longitude numeric
  , status text not null
  , declarations jsonb not null
  , bitrate_kbps bigint
  , delay_ms bigint
  , loss_percent numeric
  , measured_at timestamptz
  , connected_since timestamptz
  , suspended_reason text
  , primary key (facility_id));
create index on facility_register (searched_by);
create index on facility_register (province_code
  , searched_by);
create index on facility_register (national_code);
create table facility_register_place (position bigint not null
  , facility_id uuid not null
  , version bigint not null
  , first_day date not null
  , province_code text not null
  , commune_code text
  , listed_on date not null
  , primary key (facility_id
  , version));
