-- Keeps a tally of a view's table: how many of its rows have the same values in some columns, counted in the very
-- statement that changes the rows. Arguments of the trigger: the tally's table, the columns, and which rows count.
--
-- Many workers write to one view. Each counts in rows of its own, told apart by `part`, so that they do not wait for
-- each other at the row of today; readers add the parts up, and a rebuild leaves one.
create or replace function keep_tally() returns trigger language plpgsql as $$
declare
    counted constant text := format('select %s, 1 as step from added where %s', tg_argv[1], tg_argv[2]);
    uncounted constant text := format('select %s, -1 as step from removed where %s', tg_argv[1], tg_argv[2]);
begin
    execute format(
        'insert into %1$s as tally select %2$s, %3$s, sum(step) from (%4$s) changes group by %2$s'
        ' having sum(step) <> 0 order by %2$s'
        ' on conflict (%2$s, part) do update set count = tally.count + excluded.count',
        tg_argv[0], tg_argv[1], pg_backend_pid() % 16,
        case tg_op when 'INSERT' then counted when 'DELETE' then uncounted
                   else counted || ' union all ' || uncounted end);
    return null;
end $$;
