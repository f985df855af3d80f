create table deployment_progress (position bigint not null
  , facility_id uuid not null
  , version bigint not null
  , day date not null
  , step bigint not null
  , primary key (facility_id
  , version));
create index on deployment_progress (day);
