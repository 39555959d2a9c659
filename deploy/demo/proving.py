"""Step 10: what was recorded is what was done, no more and no less."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx

from deploy.demo.world import SERVICES, Person, World, answered, expect


async def records_are_complete(world: World) -> str:
    amelie = world.people["Amélie"]
    await world.sign_in_to_portal(amelie)
    began_at = datetime.now(UTC)
    noted = [entry for entry in world.journal.entries if entry.about == world.applicants["A"]]
    records = await _listed(world, amelie, "access-records", until=began_at)
    _compare_access(noted, records)
    evidence = await _listed(world, amelie, "evidence-records", until=began_at)
    proved = {(record["service"], record["correlation_id"]) for record in evidence}
    for entry in noted:
        if entry.is_command:
            expect(
                (entry.service, entry.correlation_id) in proved,
                f"{entry.method} {entry.path} at {entry.service} has no evidence record",
            )
    return f"{len(records)} access records and {len(evidence)} evidence records match the demo's own journal"


def _compare_access(noted: list[Any], records: list[dict[str, Any]]) -> None:
    found = Counter(
        (record["service"], record["correlation_id"]) for record in records if not record["first_actor"]
    )
    for entry in noted:
        count = found[entry.service, entry.correlation_id]
        if entry.credential in {"token", "sign-in", "code"}:
            expect(count == 1, f"{entry.method} {entry.path} at {entry.service} has {count} access records")
    mine = {(entry.service, entry.correlation_id) for entry in noted}
    for record in records:
        known = (record["service"], record["correlation_id"]) in mine
        expect(
            known or record["first_actor"], f"nobody in the demo made {record['action']} at {record['service']}"
        )
    expect(records == sorted(records, key=lambda record: (record["at"], record["id"])), "merged by time")


async def _listed(world: World, person: Person, kind: str, *, until: datetime) -> list[dict[str, Any]]:
    """All pages of one kind from the four services, merged by (`at`, `id`)."""
    found: list[dict[str, Any]] = []
    for service in SERVICES:
        query = {"until": until.isoformat(), "limit": "1000"}
        while True:
            path = f"/v1/applicants/{world.applicants['A']}/{kind}?{httpx.QueryParams(query)}"
            page = answered(await world.call(person, "GET", service, path), 200)
            found += [{**record, "service": service} for record in page["records"]]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
    return sorted(found, key=lambda record: (record["at"], record["id"]))
