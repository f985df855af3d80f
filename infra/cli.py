"""The command line, `telehealth`.

Rules: a command here reads its arguments, calls one function of another module and ends with its exit code; what a
command needs is imported when it runs, so that `--help` and short commands answer at once.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from domain._values import Tier
from infra.audit.cli import app as audit_app
from infra.command_line import refuse, settings

DAY = ["%Y-%m-%d"]

app = typer.Typer(
    name="telehealth", help="The national telehealth backend.", no_args_is_help=True, pretty_exceptions_enable=False
)
app.add_typer(audit_app)


@app.command("up")
def up_command(
    detach: Annotated[bool, typer.Option(help="Return when everything is ready; it runs on.")] = False,
) -> None:
    """Start PostgreSQL, Kafka and the product, and keep them running."""
    from infra.local.up import up, up_detached

    run = up_detached if detach else up
    raise typer.Exit(run(settings(), Console()))


@app.command("down")
def down_command() -> None:
    """Stop what `up` started."""
    from infra.local.down import down

    raise typer.Exit(down(settings(), Console()))


@app.command("status")
def status_command(
    as_json: Annotated[bool, typer.Option("--json", help="For programs: addresses, pids, positions, lags.")] = False,
) -> None:
    """Show what runs and where it is reached; ends with 3 when nothing runs."""
    from infra.local.status import status

    raise typer.Exit(status(settings(), Console(), as_json=as_json))


@app.command("token")
def token_command(
    role: Annotated[list[str], typer.Option("--as", help="Role; may be given more than once.")],
    subject: Annotated[UUID | None, typer.Option(help="Who it is; a new person by default.")] = None,
    facility: Annotated[UUID | None, typer.Option(help="The facility the person works at.")] = None,
    patient: Annotated[UUID | None, typer.Option(help="The patient the person is.")] = None,
    name: Annotated[str | None, typer.Option(help="The name shown to others.")] = None,
    minutes: Annotated[float, typer.Option(min=0.01, max=1440, help="How long it holds.")] = 60,
) -> None:
    """Print a development access token."""
    from infra.issuer import NotInProduction, issue_token

    try:
        token = issue_token(
            settings(), role, subject=subject, facility=facility, patient=patient, name=name, minutes=minutes
        )
    except (NotInProduction, ValueError) as error:
        refuse(str(error))
    typer.echo(token)


@app.command("demo")
def demo_command(
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="How fast people act; 1 takes about a minute.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print nothing but the summary.")] = False,
    keep: Annotated[bool, typer.Option(help="Leave the stack running when the demo had to start it.")] = True,
    ultrasound: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A loop to show: DICOM, or a video.")
    ] = None,
) -> None:
    """Play the launch day, 27 August 2020, on real processes."""
    from infra.demo.run import demo

    raise typer.Exit(demo(settings(), Console(), speed=speed, as_json=as_json, keep=keep, ultrasound=ultrasound))


@app.command("nation")
def nation_command(
    facilities: Annotated[int, typer.Option(help="How many facilities; the whole nation has 14,000.")] = 50,
    days: Annotated[int, typer.Option(min=1, max=3660, help="How many days are played.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same nation.")] = 1,
    speed: Annotated[str, typer.Option(help="real, max, or how many times as fast as life, such as x60.")] = "max",
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day; the first Monday of March.")
    ] = None,
    bulk: Annotated[bool, typer.Option(help="Load in large batches, when nobody else works on the log.")] = False,
) -> None:
    """Found a nation and play days of its traffic; begun again it goes on where it was."""
    from infra.nation.run import Wanted, nation

    wanted = Wanted(seed, facilities, days, first.date() if first else None, speed, bulk)
    raise typer.Exit(nation(settings(), Console(), wanted))


@app.command("bench")
def bench_command(
    names: Annotated[list[str] | None, typer.Argument(help="Which figures; all by default.")] = None,
    quick: Annotated[bool, typer.Option(help="Fewer and shorter runs.")] = False,
    events: Annotated[list[int] | None, typer.Option(help="For `scale`: how large the log is; more than once.")] = None,
) -> None:
    """Measure the product on this machine, and print the figures with what was asked."""
    from infra.bench_command import NoBenchmarks, bench

    try:
        code = bench(settings(), names or (), quick=quick, events=events or ())
    except NoBenchmarks as error:
        refuse(str(error))
    raise typer.Exit(code)


@app.command("rebuild")
def rebuild_command(
    view: Annotated[str | None, typer.Argument(help="The view to fill anew.")] = None,
    all_views: Annotated[bool, typer.Option("--all", help="All views, one after the other.")] = False,
) -> None:
    """Fill a view anew from the log, beside the one in use, compare both, and swap."""
    from infra.rebuild_command import run_rebuild

    raise typer.Exit(run_rebuild(settings(), Console(), view, all_views=all_views))


@app.command("tail")
def tail_command(
    aggregate: Annotated[list[str] | None, typer.Option(help="Only this one; may be given more than once.")] = None,
    event: Annotated[list[str] | None, typer.Option(help="Only this event, such as referral.submitted.")] = None,
    facility: Annotated[UUID | None, typer.Option(help="Only what names this facility; its pseudonym.")] = None,
    patient: Annotated[UUID | None, typer.Option(help="Only what is about this patient; a pseudonym.")] = None,
    since: Annotated[str | None, typer.Option(help="What happened at this time or later.")] = None,
    until: Annotated[str | None, typer.Option(help="What happened before this time.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Begin at a position, or at a time of record.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for what comes.")] = False,
    form: Annotated[str, typer.Option("--format", help="lines, json or csv.")] = "lines",
    full: Annotated[bool, typer.Option("--full", help="As it is, for those who may see patients.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Hold it against the signed checkpoints.")] = False,
    keys: Annotated[Path | None, typer.Option(help="The log's public keys; those of this machine by default.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on where this file says, and keep it.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many events.")] = None,
) -> None:
    """Print the log from Kafka, in its order: as open data, or as it is. Times have an offset, or are of Viet Nam."""
    from infra.bootstrap import tool

    tail = tool("tail")
    try:
        wanted = tail.Wanted.of(
            aggregates=tuple(aggregate or ()),
            events=tuple(event or ()),
            facility=facility,
            patient=patient,
            since=since,
            until=until,
            start=start,
            follow=follow,
            form=form,
            full=full,
            check=check,
            keys=keys,
            resume=resume,
            limit=limit,
        )
    except tail.NotAsked as error:
        refuse(str(error))
    raise typer.Exit(tail.tail(settings(), wanted))


@app.command("export")
def export_command(
    to: Annotated[Path, typer.Option(help="The folder; what it lacks is added to it.")],
    since: Annotated[datetime | None, typer.Option("--from", formats=DAY, help="The first day, in Viet Nam.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=DAY, help="The last day, included.")] = None,
    events: Annotated[bool, typer.Option(help="The events, a table for each aggregate.")] = True,
    views: Annotated[bool, typer.Option(help="The views, each as it stands.")] = True,
    view: Annotated[list[str] | None, typer.Option(help="Only this view; may be given more than once.")] = None,
) -> None:
    """Write the log and the views to Parquet files, for DuckDB, pandas or R. A second run adds what is new."""
    from infra.export.command import run_export
    from infra.export.manifest import Selection
    from infra.export.run import Wanted

    days = Selection(since=since and since.date(), until=until and until.date())
    wanted = Wanted(to, days, events, tuple(view or ()) if views else None)
    raise typer.Exit(run_export(settings(), Console(), wanted))


@app.command("witness")
def witness_command() -> None:
    """Run a witness: with its own key and state it cosigns what the log signs. For whoever watches over the log."""
    from infra.process import run_process

    raise typer.Exit(run_process("witness", settings()))


facilities = typer.Typer(help="The register of facilities.", no_args_is_help=True)
app.add_typer(facilities, name="facilities")


@facilities.command("import")
def facilities_import_command(
    file: Annotated[Path, typer.Argument(help="The register as CSV, also packed with gzip.")],
    day: Annotated[
        datetime | None, typer.Option(formats=DAY, help="The day of the register: its codes are of that day's list.")
    ] = None,
    default_tier: Annotated[Tier | None, typer.Option(help="For rows that do not tell their tier.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Decide everything and send nothing.")] = False,
    report: Annotated[Path | None, typer.Option(help="Where the report goes; beside the file by default.")] = None,
) -> None:
    """Enter a register: new facilities, and what has changed of known ones. Ends with 1 when rows are bad."""
    from infra.register.command import import_register

    of = day and day.date()
    raise typer.Exit(
        import_register(settings(), Console(), file, day=of, default_tier=default_tier, dry_run=dry_run, report=report)
    )


sealing = typer.Typer(help="Keys of recordings and stills.", no_args_is_help=True)
app.add_typer(sealing, name="sealing")


@sealing.command("rotate")
def sealing_rotate_command() -> None:
    """Add the next master key; processes take it into use at their next start."""
    from infra.sealing.commands import rotate

    raise typer.Exit(rotate(settings(), Console()))


@sealing.command("rewrap")
def sealing_rewrap_command() -> None:
    """Wrap every data key anew under the newest master key, so that the older ones can be destroyed."""
    from infra.sealing.commands import wrap_anew

    raise typer.Exit(wrap_anew(settings(), Console()))


@app.command("run", hidden=True)
def run_command(name: str) -> None:
    """Run one process of the product in the foreground; `up` does this for each."""
    from infra.bootstrap import PROCESSES, process_called
    from infra.process import run_process

    if process_called(name) is None:
        refuse(f"there is no process {name}; there are {', '.join(PROCESSES)}")
    raise typer.Exit(run_process(name, settings()))


def main() -> None:
    app()


if __name__ == "__main__":
    main()
