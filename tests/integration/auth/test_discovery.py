from typing import Any

from deploy.local.environment import Platform
from libs.common.assurance import LEVELS
from tests.integration.auth import parties
from tests.integration.auth.granting import granted, granted_again
from tests.integration.auth.parties import answer_of, claims_of, new_browser
from tests.kit import Running

WITHOUT_FORM = ("authorization_endpoint", "jwks_uri", "end_session_endpoint", "userinfo_endpoint")


async def metadata(auth: Running) -> dict[str, Any]:
    found: dict[str, Any] = (await auth.public.get("/.well-known/openid-configuration")).json()
    return found


async def test_discovery_tells_each_address_of_the_protocol_and_no_other(auth: Running) -> None:
    found = await metadata(auth)
    assert found == (await auth.public.get("/.well-known/oauth-authorization-server")).json()
    assert found["issuer"] == auth.settings.issuer
    told = {
        value.removeprefix(found["issuer"])
        for name, value in found.items()
        if name.endswith(("_endpoint", "_uri"))
    }
    there = {getattr(route, "path", "") for route in auth.apps[0].routes}
    assert told == {path for path in there if path.startswith("/oauth/")}


async def test_each_address_answers(auth: Running) -> None:
    found = await metadata(auth)
    for name in WITHOUT_FORM:
        assert (await auth.public.get(found[name])).status_code in {200, 400, 401}, name
    for name, value in found.items():
        if name.endswith("_endpoint") and name not in WITHOUT_FORM:
            assert (await auth.public.post(value)).json()["error"] == "invalid_request", name
    keys = (await auth.public.get("/oauth/jwks")).json()
    assert keys == (await auth.internal.get("/oauth/jwks")).json()
    assert "d" not in keys["keys"][0]
    assert {key["alg"] for key in keys["keys"]} == {"ES256"}
    assert found["id_token_signing_alg_values_supported"] == ["ES256", "RS256", "PS256"]


async def test_each_grant_type_is_served_and_no_other(auth: Running, platform: Platform) -> None:
    found = await metadata(auth)
    portal = parties.client(auth, platform)
    for grant_type in (*found["grant_types_supported"], "password", "implicit"):
        error = (await portal.token(grant_type=grant_type)).json()["error"]
        assert (error != "unsupported_grant_type") == (grant_type in found["grant_types_supported"]), grant_type


async def test_each_claim_that_is_told_of_is_told_and_no_other(auth: Running, platform: Platform) -> None:
    found = await metadata(auth)
    given = await granted(auth, platform)
    told = set(await claims_of(auth, given.tokens["id_token"]))
    told |= set((await auth.public.get("/oauth/userinfo", headers=given.bearer)).json())
    # Told of who acts under one: test_representation.py.
    assert told | {"power_of_attorney"} == set(found["claims_supported"])
    assert "power_of_attorney" not in told


async def test_each_scope_prompt_and_level_is_understood(auth: Running, platform: Platform) -> None:
    found = await metadata(auth)
    portal = parties.client(auth, platform)
    for scope in found["scopes_supported"]:
        answer = await new_browser(auth).get(portal.authorize(scope=f"openid {scope}"))
        assert answer.url.path == "/sign-in", scope
    for prompt in found["prompt_values_supported"]:
        answer = await new_browser(auth).get(portal.authorize(prompt=prompt))
        if prompt == "none":
            assert answer_of(answer)["error"] == "login_required"
        else:
            assert answer.url.path == "/sign-in", prompt
    assert found["acr_values_supported"] == list(LEVELS)
    for level in found["acr_values_supported"]:
        assert (await new_browser(auth).get(portal.authorize(acr_values=level))).url.path == "/sign-in"


async def test_what_is_told_to_be_unsupported_is_refused(auth: Running, platform: Platform) -> None:
    found = await metadata(auth)
    given = await granted(auth, platform)
    assert found["request_uri_parameter_supported"] is False
    answer = await given.browser.get(given.client.authorize(request_uri="https://elsewhere.example"))
    assert answer_of(answer)["error"] == "request_uri_not_supported"
    assert found["request_parameter_supported"] is True
    unsigned = await given.browser.get(given.client.authorize(request="x"))
    assert answer_of(unsigned)["error"] == "invalid_request_object"
    assert found["dpop_signing_alg_values_supported"] == ["ES256", "PS256"]
    assert found["tls_client_certificate_bound_access_tokens"] is False
    assert found["authorization_response_iss_parameter_supported"] is True
    assert answer_of(await given.browser.get(given.client.authorize()))["iss"] == found["issuer"]
    again = await granted_again(auth, platform, given.person, given.browser, claims='{"id_token": {"acr": null}}')
    assert again.tokens["id_token"]
