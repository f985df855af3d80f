"""What the forwarding touches of its libraries is there; and when it is not, the worker says what is gone."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from aiortc import rtcdtlstransport

from infra.settings import ROOT
from media._aiortc import PINNED, Connection, ContractBroken, check_contract
from media.engine import Engine
from media.reporter import Unheard
from media.udp import Port


async def test_the_installed_libraries_are_those_it_was_written_for() -> None:
    check_contract()


async def test_another_version_is_named() -> None:
    with pytest.raises(ContractBroken, match=r"aiortc 2\.0\.0 \(written for 1\.16\.x\)"):
        check_contract(lambda name: "2.0.0" if name == "aiortc" else version(name))


async def test_a_private_name_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(rtcdtlstransport.RTCDtlsTransport, "_set_role")
    with pytest.raises(ContractBroken, match=r"RTCDtlsTransport\._set_role is gone"):
        check_contract()


async def test_a_worker_that_does_not_fit_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(rtcdtlstransport.RTCDtlsTransport, "_set_role")
    engine = Engine(Port("127.0.0.1", 0), Unheard())
    with pytest.raises(ContractBroken):
        engine.start()
    engine.port.close()


@pytest.mark.parametrize("name", PINNED)
def test_the_versions_are_pinned(name: str) -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert f"\n{name}=={PINNED[name]}" in f"\n{lock}"


async def test_stock_connections_in_the_same_process_stay_what_they_are() -> None:
    from aiortc import RTCPeerConnection, RTCRtpReceiver
    from aiortc.rtcdtlstransport import RTCCertificate

    ours = Connection(RTCCertificate.generateCertificate())
    assert not isinstance(ours.addTransceiver("video").receiver, RTCRtpReceiver)
    stock = RTCPeerConnection()
    assert isinstance(stock.addTransceiver("video").receiver, RTCRtpReceiver)
    await ours.close()
    await stock.close()
