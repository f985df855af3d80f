"""A process tells the truth about itself over HTTP."""

from infra.health import Vitals, health_app
from infra.local.probe import ask
from infra.serving import bound_socket, serving


async def test_a_process_is_ready_only_when_it_waits_for_nothing() -> None:
    vitals = Vitals("relay")
    async with serving(health_app(vitals), bound_socket(0)) as url:
        assert await ask(f"{url}/readyz") == (503, {"ready": False, "waiting": {"start": "is starting"}})
        vitals.started()
        vitals.wait_for("kafka", "no broker answers")
        assert await ask(f"{url}/readyz") == (503, {"ready": False, "waiting": {"kafka": "no broker answers"}})
        assert (await ask(f"{url}/healthz"))[0] == 200
        vitals.has("kafka")
        assert (await ask(f"{url}/readyz"))[0] == 200


async def test_a_process_that_stops_is_not_ready_any_more() -> None:
    vitals = Vitals("relay")
    vitals.started()
    vitals.stopping = True
    async with serving(health_app(vitals), bound_socket(0)) as url:
        assert (await ask(f"{url}/readyz"))[0] == 503


async def test_status_and_metrics_follow_the_vitals_as_they_change() -> None:
    vitals = Vitals("projections")
    async with serving(health_app(vitals), bound_socket(0)) as url:
        vitals.started()
        vitals.position, vitals.lag = 41, 1
        vitals.details["views"] = {"inbox": 41}
        _, status = await ask(f"{url}/status")
        metrics = await _text(f"{url}/metrics")
    assert (status["state"], status["position"], status["lag"]) == ("ready", 41, 1)
    assert status["details"] == {"views": {"inbox": 41}}
    assert 'telehealth_position{process="projections"} 41.0' in metrics
    assert 'telehealth_ready{process="projections"} 1.0' in metrics
    assert "process_cpu_seconds_total" in metrics


async def _text(url: str) -> str:
    import httpx

    async with httpx.AsyncClient() as client:
        return (await client.get(url)).text
