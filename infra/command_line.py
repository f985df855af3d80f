"""What every command of the command line begins and ends with: its settings, and a refusal that a person can read."""

from __future__ import annotations

from typing import NoReturn

import typer

from infra.settings import Settings, SettingsRefused


def settings() -> Settings:
    """From the environment; what cannot be used ends the program with 2 and the reason."""
    try:
        return Settings.from_env()
    except SettingsRefused as error:
        refuse(str(error))


def refuse(message: str) -> NoReturn:
    """Ends the program as one that was asked wrongly."""
    typer.echo(f"telehealth: {message}", err=True)
    raise typer.Exit(2)
