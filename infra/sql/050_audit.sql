-- What was signed of the log, and what proofs are made from. All of it can be made again from the log, except the
-- signatures; none of it is ever changed. The triggers are there against mistakes: against somebody who may remove
-- them, only checkpoints that others hold are proof.
create table if not exists audit_checkpoints (
    size      bigint      not null primary key check (size > 0),
    root      bytea       not null check (length(root) = 32),
    note      text        not null,
    signed_at timestamptz not null default clock_timestamp()
);

create table if not exists audit_cosignatures (
    size   bigint not null references audit_checkpoints,
    signer text   not null,
    line   text   not null,
    primary key (size, signer)
);

-- Full tiles of 256 hashes; the partial ones at the edge are in the ledger's folder.
create table if not exists audit_tiles (
    level  smallint not null,
    index  bigint   not null,
    hashes bytea    not null check (length(hashes) = 8192),
    root   bytea    not null check (length(root) = 32),
    primary key (level, index)
);

-- How far the checkpoints have been carried to Kafka. It only saves sending them again.
create table if not exists audit_published (
    singleton  boolean not null primary key default true check (singleton),
    cluster_id text    not null,
    size       bigint  not null
);

create or replace function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is never changed, only added to', tg_table_name using errcode = 'restrict_violation';
end $$;

create or replace trigger never_changed before update or delete or truncate on audit_checkpoints
    execute function refuse_change();
create or replace trigger never_changed before update or delete or truncate on audit_cosignatures
    execute function refuse_change();
create or replace trigger never_changed before update or delete or truncate on audit_tiles
    execute function refuse_change();

-- A log only grows: no checkpoint of a smaller tree, and never two trees of one size. The same one twice is no news.
create or replace function refuse_smaller_tree() returns trigger language plpgsql as $$
declare
    known audit_checkpoints;
begin
    select * into known from audit_checkpoints order by size desc limit 1;
    if not found or known.size < new.size then
        return new;
    end if;
    if known.size = new.size and known.root = new.root then
        return null;
    end if;
    raise exception 'a tree of % events is signed already: % with another root is refused', known.size, new.size
        using errcode = 'restrict_violation';
end $$;

create or replace trigger only_grows before insert on audit_checkpoints
    for each row execute function refuse_smaller_tree();
