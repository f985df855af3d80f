create table report_run (position bigint not null
  , run_id uuid not null
  , report_id uuid not null
  , definition text not null
  , parameters jsonb not null
  , as_of_position bigint
  , as_of_time timestamptz
  , ground text not null
  , requested_by uuid not null
  , requested_at timestamptz not null
  , requested_position bigint not null
  , status text not null
  , edition bigint
  , sealed_position bigint
  , sealed_at timestamptz
  , manifest_sha256 text
  , result_sha256 text
  , checkpoint_size bigint
  , cosigned_by jsonb not null
  , superseded_by uuid
  , figures_changed boolean
  , verifications jsonb not null
  , failure_code text
  , failure text
  , primary key (run_id));
create index on report_run (report_id);
create index on report_run (requested_at);
create index on report_run (status);
