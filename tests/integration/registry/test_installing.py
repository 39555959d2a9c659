"""The operator's command `install`, which asks the broker before it writes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local import ports
from deploy.local.commands import INSTALLATION
from deploy.local.environment import Platform
from services.registry.app import SERVICE, install
from tests.kit import Running, running


async def departments(service: Running) -> list[str]:
    rows = await service.database.fetch("SELECT code FROM departments ORDER BY code")
    return [row["code"] for row in rows]


def described(*codes: str) -> list[dict[str, Any]]:
    return [
        {"code": code, "name": {"fr": code, "en": code}, "notice_identifiers": [], "online_services": []}
        for code in codes
    ]


async def test_departments_whose_topics_the_broker_has_are_installed(platform_with_kafka: Platform) -> None:
    async with running(SERVICE, platform_with_kafka) as service:
        await install(service.resources, [str(INSTALLATION)])
        assert await departments(service) == ["cnesst", "revenu-quebec"]


async def test_a_department_without_a_topic_is_one_sentence_and_installs_nothing(
    platform_with_kafka: Platform, tmp_path: Path
) -> None:
    path = tmp_path / "installation.yaml"
    path.write_text(yaml.safe_dump({"departments": described("cnesst", "mtess")}), encoding="utf-8")
    async with running(SERVICE, platform_with_kafka) as service:
        with pytest.raises(SystemExit) as refused:
            await install(service.resources, [str(path)])
        assert str(refused.value) == (
            "registry: Kafka has no topic that registry may write named departments.mtess.notices; "
            "add it to deploy/kafka/access.yaml and apply that first."
        )
        assert await departments(service) == []


async def test_while_kafka_is_away_nothing_is_installed(platform: Platform) -> None:
    nowhere = f"{ports.LOOPBACK}:{ports.free().kafka}"
    async with running(SERVICE, platform, kafka_bootstrap=nowhere) as service:
        with pytest.raises(SystemExit, match=f"Kafka at {nowhere} does not answer"):
            await install(service.resources, [str(INSTALLATION)])
        assert await departments(service) == []
