from pathlib import Path

import pytest

from services.delegation.app import install
from tests.kit import Running


async def test_the_public_api_describes_itself(service: Running) -> None:
    answer = await service.public.get("/v1/openapi.json")
    assert answer.status_code == 200
    paths = answer.json()["paths"]
    assert "/access/v1/evaluation" in paths
    assert "/v1/applicants/{applicant_id}/users/{user_id}/access-rights" in paths
    assert not [path for path in paths if path.startswith("/internal")]


async def test_installing_takes_one_file_and_changes_nothing(service: Running, tmp_path: Path) -> None:
    described = tmp_path / "installation.yaml"
    described.write_text("departments: []", encoding="utf-8")
    await install(service.resources, [str(described)])
    for wrong in ([], [str(tmp_path)], [str(described), str(described)]):
        with pytest.raises(SystemExit, match="one installation file"):
            await install(service.resources, wrong)
