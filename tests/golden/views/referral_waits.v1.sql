create table referral_waits (position bigint not null
  , referral_id uuid not null
  , asking_facility_id uuid not null
  , last_sent_on date
  , submissions jsonb not null
  , primary key (referral_id));
create index on referral_waits (last_sent_on);
