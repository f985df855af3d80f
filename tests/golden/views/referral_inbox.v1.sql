create table referral_inbox (position bigint not null
  , referral_id uuid not null
  , patient_id uuid not null
  , asking_facility_id uuid not null
  , receiving_facility_id uuid not null
  , service text not null
  , speciality text not null
  , urgency text not null
  , status text not null
  , attention bigint not null
  , question text
  , history text
  , findings text
  , drafted_at timestamptz not null
  , waiting_since timestamptz not null
  , submission bigint not null
  , submitted_at timestamptz
  , answer_due_at timestamptz
  , first_answer_at timestamptz
  , alarm_at timestamptz
  , overdue boolean not null
  , consent_id uuid
  , legal_ground text
  , returned_reason text
  , suggested_speciality text
  , declined_reason text
  , cancelled_reason text
  , scheduled_from timestamptz
  , scheduled_until timestamptz
  , consultation_id uuid
  , examination_id uuid
  , answered_at timestamptz
  , answered_by uuid
  , answer text
  , advice text
  , transfer_reason text
  , ward text
  , departed_at timestamptz
  , received_at timestamptz
  , transfer_avoided_reason text
  , outcome text
  , advice_followed boolean
  , outcome_report text
  , closed_at timestamptz
  , primary key (referral_id));
create index on referral_inbox (receiving_facility_id
  , attention
  , waiting_since
  , referral_id);
create index on referral_inbox (asking_facility_id
  , drafted_at
  , referral_id);
create index on referral_inbox (patient_id);
create index on referral_inbox (alarm_at);
