"""The command line, `telehealth`.

Rules: a command here reads its arguments, calls one function of another module and ends with its exit code; what a
command needs is imported when it runs, so that `--help` and short commands answer at once.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn
from uuid import UUID

import typer
from rich.console import Console
from typer.core import TyperGroup

from domain._values import Tier
from infra.settings import Settings, SettingsRefused

DAY = ["%Y-%m-%d"]

app = typer.Typer(
    name="telehealth", help="The national telehealth backend.", no_args_is_help=True, pretty_exceptions_enable=False
)


@app.command("up")
def up_command(
    detach: Annotated[bool, typer.Option(help="Return when everything is ready; it runs on.")] = False,
) -> None:
    """Start PostgreSQL, Kafka and the product, and keep them running."""
    from infra.local.up import up, up_detached

    run = up_detached if detach else up
    raise typer.Exit(run(_settings(), Console()))


@app.command("down")
def down_command() -> None:
    """Stop what `up` started."""
    from infra.local.down import down

    raise typer.Exit(down(_settings(), Console()))


@app.command("status")
def status_command(
    as_json: Annotated[bool, typer.Option("--json", help="For programs: addresses, pids, positions, lags.")] = False,
) -> None:
    """Show what runs and where it is reached; ends with 3 when nothing runs."""
    from infra.local.status import status

    raise typer.Exit(status(_settings(), Console(), as_json=as_json))


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
            _settings(), role, subject=subject, facility=facility, patient=patient, name=name, minutes=minutes
        )
    except (NotInProduction, ValueError) as error:
        _refuse(str(error))
    typer.echo(token)


@app.command("demo")
def demo_command(
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="How fast people act; 1 takes about a minute.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print nothing but the summary.")] = False,
    keep: Annotated[bool, typer.Option(help="Leave the stack running when the demo had to start it.")] = True,
) -> None:
    """Play the launch day, 27 August 2020, on real processes."""
    from infra.demo.run import demo

    raise typer.Exit(demo(_settings(), Console(), speed=speed, as_json=as_json, keep=keep))


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
    raise typer.Exit(nation(_settings(), Console(), wanted))


@app.command("bench")
def bench_command(
    names: Annotated[list[str] | None, typer.Argument(help="Which figures; all by default.")] = None,
    quick: Annotated[bool, typer.Option(help="Fewer and shorter runs.")] = False,
    events: Annotated[list[int] | None, typer.Option(help="For `scale`: how large the log is; more than once.")] = None,
) -> None:
    """Measure the product on this machine, and print the figures with what was asked."""
    from infra.bench_command import NoBenchmarks, bench

    try:
        code = bench(_settings(), names or (), quick=quick, events=events or ())
    except NoBenchmarks as error:
        _refuse(str(error))
    raise typer.Exit(code)


@app.command("rebuild")
def rebuild_command(
    view: Annotated[str | None, typer.Argument(help="The view to fill anew.")] = None,
    all_views: Annotated[bool, typer.Option("--all", help="All views, one after the other.")] = False,
) -> None:
    """Fill a view anew from the log, beside the one in use, compare both, and swap."""
    from infra.rebuild_command import run_rebuild

    raise typer.Exit(run_rebuild(_settings(), Console(), view, all_views=all_views))


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
        _refuse(str(error))
    raise typer.Exit(tail.tail(_settings(), wanted))


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
    raise typer.Exit(run_export(_settings(), Console(), wanted))


@app.command("witness")
def witness_command() -> None:
    """Run a witness: with its own key and state it cosigns what the log signs. For whoever watches over the log."""
    from infra.process import run_process

    raise typer.Exit(run_process("witness", _settings()))


@app.command("bundle")
def bundle_command(
    out: Annotated[Path, typer.Option(help="The zip file to write.")],
    as_of: Annotated[str | None, typer.Option(help="A position, or a time with its offset; all by default.")] = None,
    stored: Annotated[bool, typer.Option(help="With the stored bytes, not their digests alone.")] = False,
    position: Annotated[list[int] | None, typer.Option(help="Only this event; may be given more than once.")] = None,
    since: Annotated[
        list[Path] | None, typer.Option(help="With --position: a kept checkpoint that it has to have grown from.")
    ] = None,
    report_run: Annotated[
        UUID | None, typer.Option("--report", help="A sealed run; with --stored it can be computed again.")
    ] = None,
) -> None:
    """Write what an auditor takes home to verify the log, or a report."""
    from infra.audit.commands import BundleWish, make_bundle

    wish = BundleWish(as_of, stored, position or (), since or (), report_run)
    raise typer.Exit(make_bundle(_settings(), Console(), out, wish))


@app.command("verify")
def verify_command(
    bundle: Annotated[Path, typer.Argument(help="A bundle.")],
    policy: Annotated[Path, typer.Option(help="The keys that you trust.")],
    known: Annotated[list[Path] | None, typer.Option(help="A checkpoint that you kept.")] = None,
    recompute: Annotated[bool, typer.Option(help="Compute the report in it again, with the code in it.")] = False,
) -> None:
    """Verify a bundle: ends with 0 when it is what was signed, with 1 when not, and names the first bad leaf."""
    from infra.audit.commands import verify

    raise typer.Exit(verify("bundle", bundle, policy, known or (), recompute=recompute))


class NamesOrReports(TyperGroup):
    """`telehealth report list` is a command, `telehealth report activity` asks for the report of that name."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        return super().resolve_command(ctx, args if args[0] in self.commands else ["make", *args])


report = typer.Typer(help="Sealed reports: NAME, or a command.", no_args_is_help=True, cls=NamesOrReports)
app.add_typer(report, name="report")
Params = Annotated[list[str] | None, typer.Option("--param", help="name=value; may be given more than once.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@report.command("make", hidden=True)
def report_make_command(
    name: str,
    param: Params = None,
    as_of: Annotated[str | None, typer.Option(help="A position, or a time with its offset; now by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="A folder for the files.")] = None,
    ground: Annotated[str, typer.Option(help="Why it is asked for; it is put on record.")] = "telehealth report",
    wait: Annotated[float, typer.Option(min=0, help="How many seconds to wait for it.")] = 120,
    as_json: AsJson = False,
) -> None:
    """Ask for a report, wait until it is sealed, and print its digest and its checkpoint."""
    from infra.audit.on_the_log import Wish
    from infra.audit.report_commands import make_report

    wish = Wish(name, param or (), as_of, ground, wait)
    raise typer.Exit(make_report(_settings(), Console(), wish, out, as_json=as_json))


@report.command("list")
def report_list_command(as_json: AsJson = False) -> None:
    """Which reports there are, and what they ask for."""
    from infra.audit.report_commands import list_reports

    raise typer.Exit(list_reports(Console(), as_json=as_json))


@report.command("diff")
def report_diff_command(
    before: Annotated[str, typer.Argument(help="A run, a folder of files or, with --report, a position or time.")],
    after: Annotated[str, typer.Argument(help="The same.")],
    report_name: Annotated[str | None, typer.Option("--report", help="The report of a position or time.")] = None,
    param: Params = None,
    as_json: AsJson = False,
) -> None:
    """Name the events that explain every figure that differs between two editions."""
    from infra.audit.on_the_log import Wish
    from infra.audit.report_diff_command import diff_reports

    wish = Wish(report_name, param or ()) if report_name is not None else None
    raise typer.Exit(diff_reports(_settings(), Console(), wish, before, after, as_json=as_json))


receipt = typer.Typer(help="Receipts of commands.", no_args_is_help=True)
app.add_typer(receipt, name="receipt")


@receipt.command("verify")
def receipt_verify_command(
    file: Annotated[Path, typer.Argument(help="A receipt.")],
    policy: Annotated[Path, typer.Option(help="The keys that you trust.")],
    proof: Annotated[Path | None, typer.Option(help="The inclusion proof that redeems it.")] = None,
) -> None:
    """Verify a receipt and, with an inclusion proof, that it was kept."""
    from infra.audit.commands import verify

    raise typer.Exit(verify("receipt", file, policy, (), proof))


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
        import_register(_settings(), Console(), file, day=of, default_tier=default_tier, dry_run=dry_run, report=report)
    )


audit = typer.Typer(help="Keys of the transparency log.", no_args_is_help=True)
app.add_typer(audit, name="audit")


sealing = typer.Typer(help="Keys of recordings and stills.", no_args_is_help=True)
app.add_typer(sealing, name="sealing")


@sealing.command("rotate")
def sealing_rotate_command() -> None:
    """Add the next master key; processes take it into use at their next start."""
    from infra.sealing.commands import rotate

    raise typer.Exit(rotate(_settings(), Console()))


@sealing.command("rewrap")
def sealing_rewrap_command() -> None:
    """Wrap every data key anew under the newest master key, so that the older ones can be destroyed."""
    from infra.sealing.commands import wrap_anew

    raise typer.Exit(wrap_anew(_settings(), Console()))


@audit.command("policy")
def policy_command() -> None:
    """Print a trust policy made from the keys of this machine."""
    from infra.audit.commands import print_policy

    raise typer.Exit(print_policy(_settings(), Console()))


@audit.command("rotate")
def rotate_command(
    retire: Annotated[str | None, typer.Option(help="The id of the old key: it signs no more.")] = None,
    token: Annotated[str | None, typer.Option(help="Make the next key in a token: pkcs11:token=…;object=…?…")] = None,
) -> None:
    """Add the next key of the log, which signs beside the old one; later retire the old one."""
    from infra.audit.commands import rotate

    raise typer.Exit(rotate(_settings(), Console(), retire, token))


@app.command("run", hidden=True)
def run_command(name: str) -> None:
    """Run one process of the product in the foreground; `up` does this for each."""
    from infra.bootstrap import PROCESSES
    from infra.process import run_process

    if name not in PROCESSES:
        _refuse(f"there is no process {name}; there are {', '.join(PROCESSES)}")
    raise typer.Exit(run_process(name, _settings()))


def _settings() -> Settings:
    try:
        return Settings.from_env()
    except SettingsRefused as error:
        _refuse(str(error))


def _refuse(message: str) -> NoReturn:
    typer.echo(f"telehealth: {message}", err=True)
    raise typer.Exit(2)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
