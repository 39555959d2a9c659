from tests.kit import Running


async def test_the_public_api_describes_itself(service: Running) -> None:
    answer = await service.public.get("/v1/openapi.json")
    assert answer.status_code == 200
    paths = answer.json()["paths"]
    assert "/access/v1/evaluation" in paths
    assert "/v1/applicants/{applicant_id}/users/{user_id}/access-rights" in paths
    assert not [path for path in paths if path.startswith("/internal")]
