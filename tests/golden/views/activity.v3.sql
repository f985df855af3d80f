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
create index on activity (helping_facility_id
  , day);
create index on activity (asking_facility_id
  , day);
create table activity_by_kind (day date
  , month date
  , activity text
  , kind text
  , mode text
  , speciality text
  , part smallint not null
  , count bigint not null
  , unique nulls not distinct (day
  , month
  , activity
  , kind
  , mode
  , speciality
  , part));
create trigger activity_by_kind_insert after insert on activity referencing new table as added for each statement execute function keep_tally('activity_by_kind'
  , 'day
  , month
  , activity
  , kind
  , mode
  , speciality'
  , 'day is not null');
create trigger activity_by_kind_update after update on activity referencing old table as removed new table as added for each statement execute function keep_tally('activity_by_kind'
  , 'day
  , month
  , activity
  , kind
  , mode
  , speciality'
  , 'day is not null');
create trigger activity_by_kind_delete after delete on activity referencing old table as removed for each statement execute function keep_tally('activity_by_kind'
  , 'day
  , month
  , activity
  , kind
  , mode
  , speciality'
  , 'day is not null');
create table activity_helped_in_month (month date
  , activity text
  , helping_facility_id uuid
  , part smallint not null
  , count bigint not null
  , unique nulls not distinct (month
  , activity
  , helping_facility_id
  , part));
create trigger activity_helped_in_month_insert after insert on activity referencing new table as added for each statement execute function keep_tally('activity_helped_in_month'
  , 'month
  , activity
  , helping_facility_id'
  , 'day is not null');
create trigger activity_helped_in_month_update after update on activity referencing old table as removed new table as added for each statement execute function keep_tally('activity_helped_in_month'
  , 'month
  , activity
  , helping_facility_id'
  , 'day is not null');
create trigger activity_helped_in_month_delete after delete on activity referencing old table as removed for each statement execute function keep_tally('activity_helped_in_month'
  , 'month
  , activity
  , helping_facility_id'
  , 'day is not null');
create index on activity_helped_in_month (helping_facility_id
  , month);
create table activity_asked_in_month (month date
  , activity text
  , asking_facility_id uuid
  , part smallint not null
  , count bigint not null
  , unique nulls not distinct (month
  , activity
  , asking_facility_id
  , part));
create trigger activity_asked_in_month_insert after insert on activity referencing new table as added for each statement execute function keep_tally('activity_asked_in_month'
  , 'month
  , activity
  , asking_facility_id'
  , 'day is not null');
create trigger activity_asked_in_month_update after update on activity referencing old table as removed new table as added for each statement execute function keep_tally('activity_asked_in_month'
  , 'month
  , activity
  , asking_facility_id'
  , 'day is not null');
create trigger activity_asked_in_month_delete after delete on activity referencing old table as removed for each statement execute function keep_tally('activity_asked_in_month'
  , 'month
  , activity
  , asking_facility_id'
  , 'day is not null');
create index on activity_asked_in_month (asking_facility_id
  , month);
create table activity_asked_for_in_month (month date
  , activity text
  , speciality text
  , asking_facility_id uuid
  , part smallint not null
  , count bigint not null
  , unique nulls not distinct (month
  , activity
  , speciality
  , asking_facility_id
  , part));
create trigger activity_asked_for_in_month_insert after insert on activity referencing new table as added for each statement execute function keep_tally('activity_asked_for_in_month'
  , 'month
  , activity
  , speciality
  , asking_facility_id'
  , 'day is not null');
create trigger activity_asked_for_in_month_update after update on activity referencing old table as removed new table as added for each statement execute function keep_tally('activity_asked_for_in_month'
  , 'month
  , activity
  , speciality
  , asking_facility_id'
  , 'day is not null');
create trigger activity_asked_for_in_month_delete after delete on activity referencing old table as removed for each statement execute function keep_tally('activity_asked_for_in_month'
  , 'month
  , activity
  , speciality
  , asking_facility_id'
  , 'day is not null');
create index on activity_asked_for_in_month (asking_facility_id
  , month);
create table activity_helped (day date
  , month date
  , activity text
  , helping_facility_id uuid
  , part smallint not null
  , count bigint not null
  , unique nulls not distinct (day
  , month
  , activity
  , helping_facility_id
  , part));
create trigger activity_helped_insert after insert on activity referencing new table as added for each statement execute function keep_tally('activity_helped'
  , 'day
  , month
  , activity
  , helping_facility_id'
  , 'day is not null');
create trigger activity_helped_update after update on activity referencing old table as removed new table as added for each statement execute function keep_tally('activity_helped'
  , 'day
  , month
  , activity
  , helping_facility_id'
  , 'day is not null');
create trigger activity_helped_delete after delete on activity referencing old table as removed for each statement execute function keep_tally('activity_helped'
  , 'day
  , month
  , activity
  , helping_facility_id'
  , 'day is not null');
create index on activity_helped (helping_facility_id
  , day);
create table activity_asked (day date
  , month date
  , activity text
  , asking_facility_id uuid
  , part smallint not null
  , count bigint not null
  , unique nulls not distinct (day
  , month
  , activity
  , asking_facility_id
  , part));
create trigger activity_asked_insert after insert on activity referencing new table as added for each statement execute function keep_tally('activity_asked'
  , 'day
  , month
  , activity
  , asking_facility_id'
  , 'day is not null');
create trigger activity_asked_update after update on activity referencing old table as removed new table as added for each statement execute function keep_tally('activity_asked'
  , 'day
  , month
  , activity
  , asking_facility_id'
  , 'day is not null');
create trigger activity_asked_delete after delete on activity referencing old table as removed for each statement execute function keep_tally('activity_asked'
  , 'day
  , month
  , activity
  , asking_facility_id'
  , 'day is not null');
create index on activity_asked (asking_facility_id
  , day);
