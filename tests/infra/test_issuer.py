"""The development issuer and the keys of any issuer, over real HTTP."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.health import Vitals
from infra.identity import TokenInvalid, Verifier
from infra.issuer import NotInProduction, development_key, issue_token, main
from infra.issuer_keys import IssuerKeys, IssuerUnreachable
from infra.serving import bound_socket, serving
from infra.settings import Settings
from tests.free_port import free_port
from tests.infra.test_settings import PRODUCTION


class Issuer:
    """An issuer whose keys can change and which counts how often they were asked for."""

    def __init__(self) -> None:
        self.kids = ["first"]
        self.name = ""
        self.away = False
        self.asked = 0

    def app(self) -> Starlette:
        async def configuration(_: Request) -> Response:
            return JSONResponse({"issuer": self.name, "jwks_uri": f"{self.url}/jwks"}, 503 if self.away else 200)

        async def jwks(_: Request) -> Response:
            self.asked += 1
            keys = [ECKey.generate_key("P-256", parameters={"kid": kid}) for kid in self.kids]
            return JSONResponse({"keys": [key.as_dict(private=False) for key in keys]})

        return Starlette(routes=[Route("/.well-known/openid-configuration", configuration), Route("/jwks", jwks)])

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        async with serving(self.app(), bound_socket(0)) as url:
            self.name = self.url = url
            yield url


async def test_a_token_of_the_development_issuer_is_let_in(tmp_path: Path) -> None:
    port = free_port()
    settings = Settings(data=tmp_path, issuer_port=port)
    vitals, stop = Vitals("issuer"), asyncio.Event()
    running = asyncio.create_task(main(settings, vitals, stop))
    while not vitals.ready:
        await asyncio.sleep(0.01)
    issuer = f"http://127.0.0.1:{port}"
    subject, facility = uuid4(), uuid4()
    token = issue_token(settings, "doctor", subject=subject, facility=facility)
    identity = await Verifier(settings, issuer, IssuerKeys(settings, issuer)).verify(token)
    stop.set()
    await running
    assert (identity.subject, identity.facility_id, identity.roles) == (
        subject,
        facility,
        frozenset({"doctor"}),
    )


def test_the_development_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    first = development_key(tmp_path)
    assert development_key(tmp_path).thumbprint() == first.thumbprint()
    assert stat.S_IMODE((tmp_path / "issuer" / "key.json").stat().st_mode) == 0o600


async def test_two_that_need_the_first_key_at_once_get_the_same(tmp_path: Path) -> None:
    keys = await asyncio.gather(*(asyncio.to_thread(development_key, tmp_path) for _ in range(8)))
    assert len({key.thumbprint() for key in keys}) == 1


async def test_production_neither_runs_the_development_issuer_nor_issues_its_tokens(tmp_path: Path) -> None:
    settings = Settings.from_env({**PRODUCTION, "TELEHEALTH_DATA": str(tmp_path)})
    with pytest.raises(NotInProduction):
        issue_token(settings, "doctor")
    with pytest.raises(NotInProduction):
        await main(settings, Vitals("issuer"), asyncio.Event())
    assert not (tmp_path / "issuer").exists()


def test_a_role_that_does_not_exist_is_not_issued(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="surgeon"):
        issue_token(Settings(data=tmp_path, issuer_port=1), "surgeon")


async def test_a_new_key_is_found_and_a_withdrawn_one_is_gone() -> None:
    issuer = Issuer()
    async with issuer.serving() as url:
        keys = IssuerKeys(Settings(oidc_keys_pause_seconds=0.001), url)
        assert await keys.key("first") is not None
        issuer.kids = ["second"]
        await asyncio.sleep(0.002)
        assert await keys.key("second") is not None
        assert await keys.key("first") is None


async def test_forged_key_ids_do_not_flood_the_issuer() -> None:
    issuer = Issuer()
    async with issuer.serving() as url:
        keys = IssuerKeys(Settings(oidc_keys_pause_seconds=60), url)
        await asyncio.gather(*(keys.key(f"forged-{n}") for n in range(200)))
        assert await keys.key("first") is not None
    assert issuer.asked == 1


async def test_known_keys_serve_on_while_the_issuer_is_away() -> None:
    issuer = Issuer()
    async with issuer.serving() as url:
        keys = IssuerKeys(Settings(oidc_keys_refresh_seconds=0.001, oidc_keys_pause_seconds=0.001), url)
        assert await keys.key("first") is not None
        issuer.away = True
        await asyncio.sleep(0.002)
        assert await keys.key("first") is not None


async def test_an_issuer_that_never_answered_lets_nobody_in_and_blames_nobody() -> None:
    keys = IssuerKeys(Settings(), f"http://127.0.0.1:{free_port()}")
    with pytest.raises(IssuerUnreachable):
        await keys.key("first")


async def test_discovery_that_names_another_issuer_is_not_believed() -> None:
    issuer = Issuer()
    async with issuer.serving() as url:
        issuer.name = "https://id.example"
        with pytest.raises(IssuerUnreachable):
            await IssuerKeys(Settings(), url).key("first")
    assert issuer.asked == 0


async def test_production_never_reads_keys_over_plain_http() -> None:
    issuer = Issuer()
    async with issuer.serving() as url:
        keys = IssuerKeys(Settings.from_env(PRODUCTION), url)
        with pytest.raises(IssuerUnreachable):
            await keys.key("first")
    assert issuer.asked == 0


async def test_a_token_signed_in_another_data_folder_is_refused(tmp_path: Path) -> None:
    ours, theirs = Settings(data=tmp_path / "a", issuer_port=1), Settings(data=tmp_path / "b", issuer_port=1)

    class Published:
        async def key(self, kid: str) -> ECKey | None:
            return development_key(ours.data)

    verifier = Verifier(ours, "http://127.0.0.1:1", Published())
    assert (await verifier.verify(issue_token(ours, "nurse"))).roles == {"nurse"}
    with pytest.raises(TokenInvalid):
        await verifier.verify(issue_token(theirs, "nurse"))
