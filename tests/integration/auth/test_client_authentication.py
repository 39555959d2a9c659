"""Who may say which client it is: every registered method, and every way around it that we could think of."""

import asyncio
import base64
import hmac
import json
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.local import keys
from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.public_keys import PublicKey
from libs.common.service import new_server
from services.auth.app import SERVICE
from services.auth.client import store
from services.auth.client.keys import Alg
from services.auth.client.rules import Client, Method, Profile
from services.auth.client.secrets import hash_secret
from tests.integration.auth.registered import (
    CREDENTIAL,
    EC,
    OTHER_EC,
    REFUSED,
    RSA,
    SYSTEM,
    Signer,
    basic,
    fault_of,
    install,
    public,
    with_secret,
)
from tests.kit import Running, running

BASIC, POST = Method.CLIENT_SECRET_BASIC, Method.CLIENT_SECRET_POST


async def ask(service: Running, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
    return await service.public.post("/oauth/token", data={**CREDENTIAL, **form}, headers=headers)


async def test_a_registration_is_read_as_it_was_written(auth: Running) -> None:
    whole = replace(
        SYSTEM,
        profile=Profile.FAPI2,
        token_endpoint_auth_signing_alg=Alg.PS256,
        request_object_signing_alg=Alg.PS256,
        id_token_signed_response_alg=Alg.PS256,
        dpop_bound_access_tokens=True,
        backchannel_logout_uri="https://cnesst.example/out",
        backchannel_logout_session_required=True,
        require_signed_request_object=True,
    )
    await install(auth, whole)
    assert await store.find(auth.database, "pay") == whole


async def test_what_the_previous_release_registered_still_authenticates(auth: Running) -> None:
    await install(auth, replace(SYSTEM, jwks=public(EC)))
    await auth.database.execute("UPDATE clients SET jwks = '[]' WHERE client_id = 'pay'")
    assert (await Signer(auth).token()).status_code == 200


async def test_the_evidence_of_a_registration_has_no_secret(auth: Running) -> None:
    secret = await with_secret(auth, BASIC)
    [row] = await auth.database.fetch(
        "SELECT content::text AS text FROM evidence_records WHERE command = 'install_client'"
        " AND content ->> 'client_id' = 'pay'"
    )
    assert json.loads(row["text"])["live_secrets"] == 1
    assert secret not in row["text"]
    assert hash_secret(secret).hex() not in row["text"]


async def test_a_secret_is_shown_by_http_basic_or_in_the_form_as_registered(auth: Running) -> None:
    by_basic = await with_secret(auth, BASIC)
    in_form = await with_secret(auth, POST, client_id="post")
    assert (await ask(auth, basic("pay", by_basic))).status_code == 200
    assert (await ask(auth, client_id="post", client_secret=in_form)).status_code == 200
    assert fault_of(await ask(auth, client_id="pay", client_secret=by_basic)) == REFUSED
    assert fault_of(await ask(auth, basic("post", in_form))) == REFUSED


async def test_only_the_log_says_why_a_client_is_refused(auth: Running, caplog: pytest.LogCaptureFixture) -> None:
    await install(auth, replace(SYSTEM, jwks=public(EC)))
    secret = await with_secret(auth, BASIC, client_id="basic")
    signer = Signer(auth)
    with caplog.at_level(logging.INFO):
        used = signer.assertion()
        tries = [
            await signer.token(used),
            await signer.token(used),
            await signer.token(signer.assertion(aud="https://elsewhere.example")),
            await signer.token(signer.assertion(exp=1)),
            await signer.token(signer.assertion(signed={"key": OTHER_EC})),
            await ask(auth, basic("basic", "a" + secret)),
            await ask(auth, client_id="basic", client_secret=secret),
            await ask(auth, basic("nobody-here", secret)),
            await ask(auth, {"authorization": "Basic !"}),
        ]
    assert [answer.status_code for answer in tries] == [200, *[401] * 8]
    assert {fault_of(answer) for answer in tries[1:]} == {REFUSED}
    told = [
        (vars(line)["client_id"], vars(line)["reason"])
        for line in caplog.records
        if line.message == "a client is not authenticated"
    ]
    assert told == [
        ("pay", "the assertion was used before"),
        ("pay", "aud of the assertion is not this server alone"),
        ("pay", "the assertion is not good now, or lives too long"),
        ("pay", "no key of the client has signed the assertion as one, by its algorithm"),
        ("basic", "the secret is another"),
        ("basic", "another method is registered"),
        (None, "there is no such client"),
        (None, "the Basic header cannot be read"),
    ]
    assert not [line for line in caplog.records if secret in str(vars(line)) or "nobody-here" in str(vars(line))]


async def test_both_halves_of_basic_are_encoded_as_in_a_form(auth: Running) -> None:
    secret = await with_secret(auth, BASIC, client_id="pay-2")
    answer = await ask(auth, basic(quote_plus("pay-2").replace("-", "%2D"), secret.replace("-", "%2D")))
    assert answer.status_code == 200


async def test_while_a_secret_is_changed_both_serve_and_then_the_old_one_does_not(auth: Running) -> None:
    old = await with_secret(auth, BASIC)
    new = "n" * 43
    known = await store.find(auth.database, "pay")
    assert known is not None
    await install(auth, replace(known, secret_hashes=(*known.secret_hashes, hash_secret(new))))
    for secret in (old, new):
        assert (await ask(auth, basic("pay", secret))).status_code == 200
    await install(auth, replace(known, secret_hashes=(hash_secret(new),)))
    assert fault_of(await ask(auth, basic("pay", old))) == REFUSED
    assert (await ask(auth, basic("pay", new))).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        *("Basic", "Basic ", "Basic !!!", "Basic cGF5", "basic Og==", "Basic " + "x" * 5_000),
        "Basic " + base64.b64encode(b"pay%00:x").decode(),
        "Basic " + base64.b64encode(b"pay:%ff").decode(),
        "Basic " + base64.b64encode("pay:é".encode()).decode(),
        "Basic " + base64.b64encode(b"pay:").decode(),
    ],
)
async def test_basic_that_cannot_be_read_is_refused_with_its_challenge(auth: Running, header: str) -> None:
    await with_secret(auth, BASIC)
    refused = await ask(auth, {"Authorization": header})
    assert fault_of(refused) == REFUSED
    if header.strip() != "Basic":
        assert refused.headers["www-authenticate"].startswith("Basic ")


async def test_an_unknown_client_and_a_wrong_secret_get_one_answer(auth: Running) -> None:
    await with_secret(auth, BASIC)
    await with_secret(auth, POST, client_id="post")
    wrong = "w" * 43
    answers = [
        await ask(auth, basic("pay", wrong)),
        await ask(auth, basic("nobody", wrong)),
        await ask(auth, basic("registry", wrong)),
    ]
    assert {answer.text for answer in answers} == {answers[0].text}
    assert {answer.headers["www-authenticate"] for answer in answers} == {answers[0].headers["www-authenticate"]}
    posted = [await ask(auth, client_id=name, client_secret=wrong) for name in ("post", "nobody", "pay")]
    unknown = await Signer(auth, "nobody").token()
    mistaken = await Signer(auth, "registry").token()
    silent = await ask(auth, client_id="pay")
    assert {answer.text for answer in [*posted, unknown, mistaken, silent]} == {answers[0].text}
    assert "www-authenticate" not in unknown.headers


async def test_a_client_authenticates_in_one_way_at_a_time(auth: Running) -> None:
    secret = await with_secret(auth, BASIC)
    both = await ask(auth, basic("pay", secret), client_id="pay", client_secret=secret)
    assert fault_of(both) == (400, "invalid_request")
    signed = await ask(auth, basic("pay", secret), **Signer(auth).form())
    assert fault_of(signed) == (400, "invalid_request")


async def test_what_is_sent_without_a_value_was_not_sent(auth: Running) -> None:
    """RFC 6749 §3.2: so it is no second way to authenticate."""
    secret = await with_secret(auth, BASIC)
    nothing = {"client_secret": "", "client_assertion": "", "client_assertion_type": ""}
    assert (await ask(auth, basic("pay", secret), **nothing)).status_code == 200
    await install(auth, replace(SYSTEM, client_id="signing"))
    assert (await Signer(auth, "signing").token(client_secret="")).status_code == 200
    assert fault_of(await ask(auth, client_id="pay", client_secret="")) == REFUSED


async def test_a_name_in_the_form_is_the_one_that_is_shown(auth: Running) -> None:
    secret = await with_secret(auth, BASIC)
    assert fault_of(await ask(auth, basic("pay", secret), client_id="registry")) == REFUSED
    assert (await ask(auth, basic("pay", secret), client_id="pay")).status_code == 200


async def test_a_client_of_keys_cannot_come_with_a_secret_nor_without_anything(auth: Running) -> None:
    await install(auth, SYSTEM)
    for headers, form in (
        (basic("pay", "x" * 43), {}),
        (basic("pay", ""), {}),
        ({}, {"client_id": "pay", "client_secret": "x" * 43}),
        ({}, {"client_id": "pay", "client_secret": ""}),
        ({}, {"client_id": "pay"}),
        ({}, {}),
    ):
        assert fault_of(await ask(auth, headers, **form)) == REFUSED


async def test_each_attempt_that_fails_is_recorded_and_names_only_clients_that_exist(auth: Running) -> None:
    await with_secret(auth, BASIC)
    await ask(auth, basic("pay", "w" * 43))
    await ask(auth, basic("what-somebody-typed", "w" * 43))
    rows = await auth.database.fetch(
        "SELECT actor, client_id, action, outcome, reason FROM access_records ORDER BY at, id"
    )
    shared = {
        "actor": "anonymous",
        "action": "POST /oauth/token",
        "outcome": "refused",
        "reason": "invalid_client",
    }
    assert [dict(row) for row in rows] == [{**shared, "client_id": "pay"}, {**shared, "client_id": None}]


@pytest.mark.parametrize(("alg", "key"), [(Alg.ES256, EC), (Alg.RS256, RSA), (Alg.PS256, RSA)])
async def test_an_assertion_is_signed_by_the_algorithm_that_is_registered_and_no_other(
    auth: Running, alg: Alg, key: PublicKey
) -> None:
    await install(auth, replace(SYSTEM, token_endpoint_auth_signing_alg=alg))
    signer = Signer(auth)
    assert (await signer.token(signer.assertion(signed={"key": key, "alg": alg}))).status_code == 200
    for other, another in ((Alg.ES256, EC), (Alg.RS256, RSA), (Alg.PS256, RSA)):
        if other is not alg:
            refused = await signer.token(signer.assertion(signed={"key": another, "alg": other}))
            assert fault_of(refused) == REFUSED


def forged(header: dict[str, Any], token: str, *, secret: bytes) -> str:
    encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    text = f"{encoded}.{token.split('.')[1]}"
    digest = base64.urlsafe_b64encode(hmac.digest(secret, text.encode(), "sha256")).rstrip(b"=").decode()
    return f"{text}.{digest}"


@pytest.mark.parametrize("key", [EC, RSA])
@pytest.mark.parametrize("alg", ["HS256", "ES256", "none", "NONE", "", None, ["ES256"]])
async def test_a_public_key_is_no_shared_secret_and_no_signature_is_none(
    auth: Running, key: PublicKey, alg: Any
) -> None:
    await install(auth, replace(SYSTEM, token_endpoint_auth_signing_alg=Alg.ES256 if key is EC else Alg.RS256))
    signer = Signer(auth)
    whole = signer.assertion()
    for secret in (key.as_pem(private=False), json.dumps(key.as_dict(private=False)).encode(), b""):
        token = forged({"alg": alg, "kid": key.kid}, whole, secret=secret)
        assert fault_of(await signer.token(token)) == REFUSED
        assert fault_of(await signer.token(token.rpartition(".")[0] + ".")) == REFUSED


@pytest.mark.parametrize(
    "header",
    [
        *({"kid": "../../../../dev/null"}, {"kid": "' OR 1=1 --"}, {"kid": "other"}, {"kid": "rsa"}),
        *({"kid": "k" * 200}, {"kid": "ec\u0000"}),
        {"kid": None, "jwk": dict(OTHER_EC.as_dict(private=False))},
        {"kid": "other", "jku": "https://books.example/jwks"},
        {"kid": "ec", "jku": "https://books.example/jwks", "x5u": "https://books.example/x"},
    ],
)
async def test_no_header_brings_another_key(auth: Running, header: dict[str, Any]) -> None:
    await install(auth, SYSTEM)
    await install(auth, replace(SYSTEM, client_id="another", jwks=public(OTHER_EC)))
    signer = Signer(auth)
    assertion = signer.assertion(signed={"key": OTHER_EC, **header})
    assert fault_of(await signer.token(assertion)) == REFUSED


async def test_what_else_the_header_of_an_assertion_says_is_ignored_unless_it_is_critical(auth: Running) -> None:
    await install(auth, SYSTEM)
    signer = Signer(auth)
    header: dict[str, Any] = {"colour": {"of": "blue"}, "x5c": ["A" * 2_000], "x5t#S256": "x"}
    assert (await signer.token(signer.assertion(signed=header))).status_code == 200
    critical = signer.assertion(signed={"crit": ["b64"], "b64": True})
    assert fault_of(await signer.token(critical)) == REFUSED


async def test_what_one_client_signed_does_not_speak_for_another(auth: Running) -> None:
    await install(auth, SYSTEM)
    await install(auth, replace(SYSTEM, client_id="another", jwks=public(OTHER_EC)))
    mine = Signer(auth).assertion()
    assert fault_of(await Signer(auth).token(mine, client_id="another")) == REFUSED
    about_another = Signer(auth).assertion(sub="another")
    assert fault_of(await Signer(auth).token(about_another)) == REFUSED
    by_another = Signer(auth).assertion(iss="another")
    assert fault_of(await Signer(auth).token(by_another)) == REFUSED


async def test_what_is_signed_as_something_else_is_no_assertion(auth: Running) -> None:
    await install(auth, SYSTEM)
    signer = Signer(auth)
    for typ in ("oauth-authz-req+jwt", "dpop+jwt", "at+jwt", "logout+jwt"):
        assert fault_of(await signer.token(signer.assertion(signed={"typ": typ}))) == REFUSED
    for typ in ("JWT", "client-authentication+jwt", "application/client-authentication+jwt"):
        assert (await signer.token(signer.assertion(signed={"typ": typ}))).status_code == 200


async def test_an_assertion_of_an_hour_serves_once_too(auth: Running) -> None:
    await install(auth, SYSTEM)
    signer = Signer(auth)
    assertion = signer.assertion(exp=int(now().timestamp()) + 3_600)
    assert [(await signer.token(assertion)).status_code for _ in range(2)] == [200, 401]


async def test_of_fifty_uses_of_an_assertion_at_once_one_wins(auth: Running) -> None:
    await install(auth, SYSTEM)
    signer = Signer(auth)
    assertion = signer.assertion()
    answers = await asyncio.gather(*(signer.token(assertion) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 49]


@pytest.mark.parametrize(
    ("aud", "plain", "fapi2"),
    [
        ("{issuer}", True, True),
        (["{issuer}"], True, False),
        ("{issuer}/oauth/token", True, False),
        ("{issuer}/oauth/par", True, False),
        (["{issuer}", "https://elsewhere.example"], False, False),
        (["https://elsewhere.example"], False, False),
        ([], False, False),
        ([["{issuer}"]], False, False),
        ("{issuer}/", False, False),
        ("{issuer} https://elsewhere.example", False, False),
        ({"{issuer}": True}, False, False),
        (None, False, False),
    ],
)
async def test_an_assertion_is_for_this_server_alone(auth: Running, aud: Any, *, plain: bool, fapi2: bool) -> None:
    here = json.loads(json.dumps(aud).replace("{issuer}", auth.settings.issuer))
    strict = replace(SYSTEM, client_id="strict", profile=Profile.FAPI2, dpop_bound_access_tokens=True)
    for client, is_accepted in ((SYSTEM, plain), (strict, fapi2)):
        await install(auth, client)
        signer = Signer(auth, client.client_id)
        # Who is known and proves no key gets another answer than who is not known.
        assert ((await signer.token(signer.assertion(aud=here))).status_code in {200, 400}) is is_accepted


async def test_an_assertion_may_be_addressed_to_the_endpoint_that_it_is_sent_to(auth: Running) -> None:
    await install(auth, SYSTEM)
    await install(auth, replace(SYSTEM, client_id="strict", profile=Profile.FAPI2, dpop_bound_access_tokens=True))
    places = ("/oauth/introspect", "/oauth/revoke")
    for sent_to in places:
        for name in (*places, "/oauth/userinfo"):
            for client_id in ("pay", "strict"):
                signer = Signer(auth, client_id)
                form = signer.form(signer.assertion(aud=f"{auth.settings.issuer}{name}"))
                answer = await auth.public.post(sent_to, data={**form, "token": "x"})
                is_accepted = name == sent_to and client_id == "pay"
                assert (answer.status_code == 200) is is_accepted, (sent_to, name, client_id)


@pytest.mark.parametrize(
    "assertion",
    [
        *("", "x", "a.b.c", "." * 300, "x" * 9_000, "e30.e30.", "e30.W10.e30", "a.b.c.d.e"),
        "e30." + base64.urlsafe_b64encode(b"[" * 3_000).decode() + ".e30",
    ],
)
async def test_no_assertion_whatever_is_more_than_refused(auth: Running, assertion: str) -> None:
    assert fault_of(await Signer(auth).token(assertion)) == REFUSED


@pytest.mark.parametrize(
    "changes", [{"sub": "\ud800"}, {"sub": "\ud800", "iss": "\ud800"}, {"sub": "x" * 5_000}, {"iss": ["pay"]}]
)
async def test_what_no_database_can_hold_is_refused_like_anything_else(
    auth: Running, changes: dict[str, Any]
) -> None:
    await install(auth, SYSTEM)
    assert fault_of(await Signer(auth).token(Signer(auth).assertion(**changes))) == REFUSED


async def test_any_text_serves_once_as_the_name_of_an_assertion(auth: Running) -> None:
    await install(auth, SYSTEM)
    assertion = Signer(auth).assertion(jti="\ud800 é \u0000")
    assert (await Signer(auth).token(assertion)).status_code == 200
    assert fault_of(await Signer(auth).token(assertion)) == REFUSED


# Mutual TLS, ended by a proxy.


def certificate(name: x509.Name, *, dns: tuple[str, ...] = (), days: int = 1) -> str:
    """As a proxy tells it (RFC 9440)."""
    key = ec.generate_private_key(ec.SECP256R1())
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=3))
        .not_valid_after(now() + timedelta(days=days))
    )
    if dns:
        names = x509.SubjectAlternativeName([x509.DNSName(one) for one in dns])
        built = built.add_extension(names, critical=False)
    der = built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    return f":{base64.b64encode(der).decode()}:"


def named(text: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CA"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "CNESST"),
            x509.NameAttribute(NameOID.COMMON_NAME, text),
        ]
    )


BY_SUBJECT = replace(
    SYSTEM,
    jwks=(),
    token_endpoint_auth_method=Method.TLS_CLIENT_AUTH,
    tls_client_auth_subject_dn="CN=pay,O=CNESST,C=CA",
)
BY_DNS = replace(BY_SUBJECT, tls_client_auth_subject_dn=None, tls_client_auth_san_dns="pay.cnesst.example")
GOOD = certificate(named("pay"), dns=("pay.cnesst.example",))
HEADER = "Client-Cert"


async def behind_proxy(  # noqa: PLR0913 - what an operator and a caller choose, each by name
    platform: Platform,
    client: Client,
    told: list[tuple[str, str]],
    *,
    peer: str = "10.0.0.7",
    header: str = HEADER,
    trusted: str = "10.0.0.0/24",
) -> httpx.Response:
    overrides: dict[str, Any] = {"trusted_proxies": trusted, "client_certificate_header": header}
    async with running(SERVICE, platform, keys_dir=platform.keys, **overrides) as service:
        await install(service, client)
        config = new_server(service.apps[0], service.settings, port=0).config
        config.load()
        transport = httpx.ASGITransport(config.loaded_app, client=(peer, 40000))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            form = {**CREDENTIAL, "client_id": "pay"}
            headers = [*told, ("X-Forwarded-For", "203.0.113.7")]
            return await http.post("/oauth/token", data=form, headers=headers)


@pytest.fixture
def keyed(platform: Platform) -> Platform:
    keys.create(platform.keys)
    return platform


@pytest.mark.parametrize("client", [BY_SUBJECT, BY_DNS])
async def test_a_certificate_that_a_trusted_proxy_tells_shows_its_client(keyed: Platform, client: Client) -> None:
    assert (await behind_proxy(keyed, client, [(HEADER, GOOD)])).status_code == 200


@pytest.mark.parametrize(
    "how",
    [
        {"peer": "192.0.2.1"},
        {"peer": "203.0.113.7"},
        {"header": ""},
        {"header": "Other"},
        {"trusted": ""},
        {"trusted": "203.0.113.0/24"},
    ],
)
async def test_a_certificate_is_believed_from_a_trusted_proxy_in_the_set_header_alone(
    keyed: Platform, how: dict[str, str]
) -> None:
    assert fault_of(await behind_proxy(keyed, BY_SUBJECT, [(HEADER, GOOD)], **how)) == REFUSED


@pytest.mark.parametrize(
    "told",
    [
        [],
        [(HEADER, certificate(named("another"), dns=("another.example",)))],
        [(HEADER, certificate(named("pay"), dns=("pay.cnesst.example",), days=-1))],
        [(HEADER, GOOD), (HEADER, GOOD)],
        [(HEADER, f"{GOOD}, {GOOD}")],
        [(HEADER, GOOD.strip(":"))],
        [(HEADER, "::")],
        [(HEADER, ":AAAA:")],
        [(HEADER, ":" + "A" * 20_000 + ":")],
    ],
    ids=range(9),
)
@pytest.mark.parametrize("client", [BY_SUBJECT, BY_DNS])
async def test_any_other_certificate_shows_nothing(
    keyed: Platform, client: Client, told: list[tuple[str, str]]
) -> None:
    assert fault_of(await behind_proxy(keyed, client, told)) == REFUSED


async def test_a_client_of_keys_is_not_shown_by_a_certificate(keyed: Platform) -> None:
    assert fault_of(await behind_proxy(keyed, SYSTEM, [(HEADER, GOOD)])) == REFUSED
