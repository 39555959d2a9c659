"""A sign-in with a public client library: PKCE, PAR, private_key_jwt and DPoP, from discovery to revocation."""

from collections.abc import Callable
from typing import Any

from jwskate import Jwk
from requests_oauth2client import AuthorizationResponse, BearerToken, OAuth2Client, PrivateKeyJwt

from examples.openid_client.browser import Person, sign_in
from examples.openid_client.registering import CLIENT_ID, REDIRECT_URI

SCOPE = "openid offline_access"
SHOWN = 24

Tell = Callable[[str], None]


def play(issuer: str, *, key: Jwk, user_code: str, password: str, tell: Tell) -> None:
    client = discover(issuer, key=key)
    tell(f"1. Discovery: {issuer} takes pushed requests at {client.pushed_authorization_request_endpoint}")

    asked = client.authorization_request(scope=SCOPE, dpop=True)
    pushed = client.pushed_authorization_request(asked)
    tell(f"2. Pushed the request, with PKCE and a proof of the key {_short(asked.dpop_jkt)}; it is called")
    tell(f"   {pushed.request_uri}")

    person = Person(user_code, password)
    back = sign_in(str(pushed), redirect_uri=REDIRECT_URI, person=person)
    answer = asked.validate_callback(back)
    if person.chosen is not None:
        tell(f"   It was the first use of this code: its password is {person.chosen} from now on")
    tell(f"3. Signed in by the provider's own form; {issuer} sent the browser back with a code")

    tokens = client.authorization_code(answer, validate=False)
    require_own_id_token(client, tokens, answer)
    tell(f"4. Redeemed the code: {tokens.token_type} token {_short(tokens.access_token)}, the ID token is right")

    told = client.userinfo(tokens)
    tell(f"5. Userinfo, with a proof for this token: {told['sub']} acts as {told['role']} for {told['applicant']}")

    renewed = client.refresh_token(tokens)
    tell(f"6. Refreshed: {renewed.token_type} token {_short(renewed.access_token)}, bound to the same key")

    active = introspect(client, renewed)
    tell(f"7. Introspected: active {active['active']}, bound to {_short(active['cnf']['jkt'])}")

    client.revoke_access_token(renewed)
    tell(f"8. Revoked; introspected again: active {introspect(client, renewed)['active']}")


def discover(issuer: str, *, key: Jwk) -> OAuth2Client:
    # `testing` lets the library speak to an issuer on loopback, which has no TLS.
    return OAuth2Client.from_discovery_endpoint(
        issuer=issuer,
        auth=PrivateKeyJwt(CLIENT_ID, key, alg="ES256", aud=issuer),
        redirect_uri=REDIRECT_URI,
        dpop_bound_access_tokens=True,
        id_token_signed_response_alg="ES256",  # noqa: S106 - the name of an algorithm
        testing=issuer.startswith("http://"),
    )


def require_own_id_token(client: OAuth2Client, tokens: BearerToken, answer: AuthorizationResponse) -> None:
    """The library verifies it in an answer of bearer tokens, and not in one of DPoP tokens (1.8)."""
    BearerToken(tokens.access_token, id_token=tokens.id_token).validate_id_token(client, answer)


def introspect(client: OAuth2Client, tokens: BearerToken) -> dict[str, Any]:
    found: dict[str, Any] = client.introspect_token(tokens.access_token)
    return found


def _short(text: str | None) -> str:
    return f"{(text or '')[:SHOWN]}…"
