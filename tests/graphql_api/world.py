"""Small states of the world, made through mutations."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from tests.graphql_api.service import Client, Person, Service, somebody

LINE = {"bitrateKbps": 60_000, "delayMs": 20, "lossPercent": "0.1"}


async def a_facility(service: Service, name: str = "Bệnh viện C Thái Nguyên") -> tuple[UUID, Person]:
    """A registered facility, and somebody who coordinates it."""
    facility_id = uuid4()
    async with service.client(somebody("registrar")) as registrar:
        answer = await registrar.command("registerFacility", registration(facility_id, name))
        assert answer["__typename"] == "CommandAccepted", answer
    return facility_id, somebody("coordinator", "doctor", at=facility_id)


def registration(facility_id: UUID, name: str = "Bệnh viện C Thái Nguyên") -> dict[str, Any]:
    return {
        "facilityId": str(facility_id),
        "nationalCode": "19-001",
        "nameVi": name,
        "tier": "PROVINCIAL",
        "provinceCode": "19",
        "province": "Thái Nguyên",
    }


async def measure(client: Client, facility_id: UUID, instrument: str = "iperf3", **more: Any) -> dict[str, Any]:
    """One more event in the facility's stream."""
    given = {"facilityId": str(facility_id), "line": LINE, "instrument": instrument}
    return await client.command("measureLine", given, **more)
