"""The commands of the audit: bundles, their verification, sealed reports, receipts, and the log's keys.

Rules: those of infra/cli.py, of which this is a part.
"""

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from typer.core import TyperGroup

from infra.command_line import settings

app = typer.Typer()


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
    raise typer.Exit(make_bundle(settings(), Console(), out, wish))


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


report = typer.Typer(
    help="Sealed reports: `report NAME` makes one, see `report NAME --help`; or a command.",
    no_args_is_help=True,
    cls=NamesOrReports,
)
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
    raise typer.Exit(make_report(settings(), Console(), wish, out, as_json=as_json))


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
    raise typer.Exit(diff_reports(settings(), Console(), wish, before, after, as_json=as_json))


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


audit = typer.Typer(help="Keys of the transparency log.", no_args_is_help=True)
app.add_typer(audit, name="audit")


@audit.command("policy")
def policy_command() -> None:
    """Print a trust policy made from the keys of this machine."""
    from infra.audit.commands import print_policy

    raise typer.Exit(print_policy(settings(), Console()))


@audit.command("rotate")
def rotate_command(
    retire: Annotated[str | None, typer.Option(help="The id of the old key: it signs no more.")] = None,
    token: Annotated[str | None, typer.Option(help="Make the next key in a token: pkcs11:token=…;object=…?…")] = None,
) -> None:
    """Add the next key of the log, which signs beside the old one; later retire the old one."""
    from infra.audit.commands import rotate

    raise typer.Exit(rotate(settings(), Console(), retire, token))
