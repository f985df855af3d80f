-- What the reference data says of provinces, for the views, which are joined with it where it lies: on which days a
-- place whose code is of a list lies in which province. Written anew whenever the reference data changes.
create table if not exists province_lineage (
    code         text not null,
    listed_first date not null,
    listed_last  date not null,
    shown_first  date not null,
    shown_last   date not null,
    province_code text not null,
    province     text not null,
    primary key (code, listed_first, shown_first)
);

create table if not exists province_of_commune (
    commune_code text not null,
    listed_first date not null,
    shown_first  date not null,
    shown_last   date not null,
    province_code text not null,
    province     text not null,
    primary key (commune_code, listed_first, shown_first)
);
