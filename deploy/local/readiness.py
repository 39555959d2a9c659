from dataclasses import dataclass

import httpx

from deploy.local.environment import Platform

TIMEOUT_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class Freshness:
    fresh: bool
    oldest_seconds: float | None
    parked: int
    lag: int


def list_not_ready(platform: Platform, services: list[str]) -> list[str]:
    """Names of the programs whose health endpoint does not answer 200 yet."""
    addresses = {
        f"{service}-{command}": url
        for service in services
        for command, url in (
            ("api", platform.internal_url(service)),
            ("worker", platform.worker_url(service)),
        )
    }
    with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        return [name for name, url in addresses.items() if not _answers(client, f"{url}/health/ready")]


def list_not_fresh(platform: Platform, services: list[str]) -> list[str]:
    answers = {service: find_freshness(platform, service) for service in services}
    return [service for service, freshness in answers.items() if freshness is None or not freshness.fresh]


def find_freshness(platform: Platform, service: str) -> Freshness | None:
    url = f"{platform.internal_url(service)}/internal/v1/freshness"
    try:
        answer = httpx.get(url, timeout=TIMEOUT_SECONDS, trust_env=False).raise_for_status().json()
        ages = [one["age_seconds"] for one in answer["publishers"].values()]
        return Freshness(
            fresh=answer["fresh"],
            oldest_seconds=None if not ages or None in ages else max(ages),
            parked=answer["parked"],
            lag=answer["lag"],
        )
    except (httpx.HTTPError, ValueError, KeyError):
        return None


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
