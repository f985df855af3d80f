"""The command line, `telehealth`.

Rules: a command here reads its arguments, calls one function of another module and ends with its exit code; what a
command needs is imported when it runs, so that `--help` and short commands answer at once.
"""

from pathlib import Path
from typing import Annotated, NoReturn
from uuid import UUID

import typer
from rich.console import Console

from infra.settings import Settings, SettingsRefused

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


@app.command("bench")
def bench_command(
    names: Annotated[list[str] | None, typer.Argument(help="Which figures; all by default.")] = None,
    quick: Annotated[bool, typer.Option(help="Fewer and shorter runs.")] = False,
) -> None:
    """Measure the product on this machine, and print the figures with what was asked."""
    from infra.bench_command import NoBenchmarks, bench

    try:
        code = bench(_settings(), names or (), quick=quick)
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
) -> None:
    """Write what an auditor takes home to verify the log."""
    from infra.audit.commands import make_bundle

    raise typer.Exit(make_bundle(_settings(), Console(), out, as_of, stored, position or ()))


@app.command("verify")
def verify_command(
    bundle: Annotated[Path, typer.Argument(help="A bundle.")],
    policy: Annotated[Path, typer.Option(help="The keys that you trust.")],
    known: Annotated[list[Path] | None, typer.Option(help="A checkpoint that you kept.")] = None,
) -> None:
    """Verify a bundle: ends with 0 when it is what was signed, with 1 when not, and names the first bad leaf."""
    from infra.audit.commands import verify

    raise typer.Exit(verify("bundle", bundle, policy, known or ()))


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
