"""The authorization code grant: RFC 6749 with PKCE (RFC 7636), RFC 8707, RFC 9207, OpenID Connect Core."""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from libs.common.assurance import is_enough
from services.auth.authorization.asked_claims import UNMET, as_parameter, read_required_acr, read_required_subject
from services.auth.client.rules import RECOURSE, Client, ClientKind, grantable_scope, require_audiences
from services.auth.oauth_errors import OAuthError
from services.auth.parameters import Parameters
from services.auth.user_code.rules import ALPHABET, CODE_LENGTH, normalise_code

CODE_LIFE = timedelta(seconds=60)
TOKEN_LIFE = timedelta(minutes=5)
LONGEST_WAIT = timedelta(seconds=2)
ECHO_LENGTH = 1024
RESOURCES = 8
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
THUMBPRINT = CHALLENGE
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
PROMPTS = ("none", "login", "consent", "select_account")
NO_CHALLENGE = ""
AGE_DIGITS = 9
HINT_LENGTH = 64
# All that is read of an authorization request once it is known where its parameters come from.
READ = frozenset(
    (
        *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "resource", "state", "nonce"),
        *("code_challenge", "code_challenge_method", "dpop_jkt", "claims", "acr_values", "login_hint"),
        *("id_token_hint", "prompt", "max_age", "ui_locales"),
    )
)


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A valid request of a known client; what is left of it until somebody has signed in.

    `pushed_hash`: of the name that it was pushed under, which serves until it is answered.
    """

    client_id: str
    redirect_uri: str
    scope: tuple[str, ...]
    resources: tuple[str, ...]
    state: str | None
    nonce: str | None
    code_challenge: str
    language: str
    login_hint: str | None = field(default=None, repr=False)
    required_acr: str | None = None
    required_subject: str | None = None
    dpop_jkt: str | None = None
    asks_consent: bool = False
    pushed_hash: bytes | None = field(default=None, repr=False)

    @property
    def asks_recourse(self) -> bool:
        return RECOURSE in self.scope


@dataclass(frozen=True, slots=True)
class PostedForm:
    """By what a form is known when it is sent again; `session_brought` is the browser's cookie, hashed.

    `mark`: of all that the form says, keyed with the secret of its request, so that it tells nobody what that is.
    """

    mark: bytes = field(repr=False)
    session_brought: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AnsweredRequest:
    """With what a request was answered. `mark`: of the form that led to it, while that may be sent again."""

    session_id: UUID
    code_hash: bytes = field(repr=False)
    mark: bytes | None = field(repr=False)
    session_brought: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Conduct:
    """How the client wants its request to be met."""

    is_silent: bool
    asks_sign_in: bool
    asks_choice: bool
    max_age: int | None
    id_token_hint: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    code_hash: bytes = field(repr=False)
    client_id: str
    redirect_uri: str
    session_id: UUID
    scope: tuple[str, ...]
    resources: tuple[str, ...]
    nonce: str | None
    code_challenge: str
    expires_at: datetime
    used_at: datetime | None = None
    dpop_jkt: str | None = None


def require(asked: Parameters, name: str) -> str:
    """RFC 6749 §4.1.2.1 and §5.2. Raises OAuthError `invalid_request`."""
    value = asked.one(name)
    if value is None:
        raise OAuthError("invalid_request", f"the parameter {name} is missing")
    return value


def registered_redirect(client: Client | None, asked: Parameters) -> str | None:
    """Where errors may be sent: an address exactly as registered, or nowhere (RFC 9700 §4.1.3)."""
    redirect_uri = asked.one("redirect_uri")
    if client is None or not client.may_redirect or redirect_uri not in client.redirect_uris:
        return None
    return redirect_uri


def read_request(client: Client, asked: Parameters, *, issuer: str, language: str) -> AuthorizationRequest:
    """Raises OAuthError, to be sent to the client's registered address."""
    for parameter, error in (("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")):
        if asked.one(parameter) is not None:
            raise OAuthError(error, f"{parameter} is not supported")
    if require(asked, "response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code")
    if asked.one("response_mode") not in {None, "query"}:
        raise OAuthError("invalid_request", "response_mode must be query")
    challenge = _challenge(client, asked)
    resources = tuple(dict.fromkeys(asked.every("resource")))
    require_audiences(client, resources, issuer=issuer)
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=asked.one("redirect_uri") or "",
        scope=grantable_scope(client, asked.one("scope")),
        resources=resources,
        state=_echoed(asked, "state"),
        nonce=_echoed(asked, "nonce"),
        code_challenge=challenge,
        language=language,
        login_hint=_code_of(asked.one("login_hint")),
        required_acr=read_required_acr(asked.one("claims"), asked.one("acr_values")),
        required_subject=read_required_subject(asked.one("claims")),
        dpop_jkt=_thumbprint(asked),
        asks_consent=client.kind is ClientKind.SOFTWARE and "consent" in _prompts(asked),
    )


def require_hinted(request: AuthorizationRequest, subject: str | None) -> AuthorizationRequest:
    """The request, for the person alone whom its `id_token_hint` names. Raises OAuthError."""
    if subject is None:
        return request
    if request.required_subject not in {None, subject}:
        raise OAuthError("invalid_request", "id_token_hint and claims name two persons")
    return replace(request, required_subject=subject)


def is_repeated(answered: AnsweredRequest, form: PostedForm, *, session_hash: bytes) -> bool:
    """Whether it is the form that was answered, from the browser that sent it or has the session by now."""
    is_same = answered.mark is not None and hmac.compare_digest(answered.mark, form.mark)
    return is_same and form.session_brought in {answered.session_brought, session_hash}


def unmet(request: AuthorizationRequest, *, acr: str, subject: str) -> OAuthError | None:
    """What the client is told instead of a code, when not all that it requires is so."""
    if request.required_subject not in {None, subject}:
        return OAuthError("login_required", "somebody else has signed in than was asked for")
    if not is_enough(acr, request.required_acr):
        return OAuthError(UNMET, "the sign-in does not reach the level asked for")
    return None


def _thumbprint(asked: Parameters) -> str | None:
    """RFC 9449 §10."""
    jkt = asked.one("dpop_jkt")
    if jkt is not None and THUMBPRINT.fullmatch(jkt) is None:
        raise OAuthError("invalid_request", "dpop_jkt is no thumbprint of a key")
    return jkt


def _code_of(hint: str | None) -> str | None:
    """A hint that looks like a user code, whether or not there is such a code; any other is ignored."""
    code = normalise_code(hint or "") if len(hint or "") <= HINT_LENGTH else ""
    return code if len(code) == CODE_LENGTH and set(code) <= set(ALPHABET) else None


def _challenge(client: Client, asked: Parameters) -> str:
    """RFC 7636; a client registered to do without may bind the answer by a nonce instead (RFC 9700 §2.1.1)."""
    challenge, method = asked.one("code_challenge"), asked.one("code_challenge_method")
    if challenge is None and method is None and not client.require_pkce:
        return NO_CHALLENGE
    if method != "S256" or CHALLENGE.fullmatch(challenge or "") is None:
        raise OAuthError("invalid_request", "PKCE with the method S256 is required")
    return challenge or ""


def read_conduct(asked: Parameters) -> Conduct:
    """OpenID Connect Core §3.1.2.1. Raises OAuthError.

    `consent` asks for software alone (AuthorizationRequest); `select_account` chooses for whom to act.
    """
    prompts = _prompts(asked)
    if "none" in prompts and len(prompts) > 1:
        raise OAuthError("invalid_request", "prompt=none stands alone")
    age = asked.one("max_age")
    if age is not None and not (age.isascii() and age.isdigit() and len(age) <= AGE_DIGITS):
        raise OAuthError("invalid_request", "max_age must be a number of seconds")
    return Conduct(
        is_silent="none" in prompts,
        asks_sign_in="login" in prompts,
        asks_choice="select_account" in prompts,
        max_age=None if age is None else int(age),
        id_token_hint=asked.one("id_token_hint"),
    )


def _prompts(asked: Parameters) -> frozenset[str]:
    return frozenset((asked.one("prompt") or "").split()).intersection(PROMPTS)


def _echoed(asked: Parameters, name: str) -> str | None:
    value = asked.one(name)
    if value is not None and len(value) > ECHO_LENGTH:
        raise OAuthError("invalid_request", f"{name} is too long")
    return value


def choose_locale(asked: Parameters, *, preferred: str) -> str:
    """The first of `ui_locales` that the pages speak, else what the browser prefers."""
    for tag in (asked.one("ui_locales") or "").split():
        primary = tag.lower().partition("-")[0]
        if primary in {"fr", "en"}:
            return primary
    return preferred


def answer_address(redirect_uri: str, *, issuer: str, state: str | None, **members: str) -> str:
    """RFC 9207: each answer says who gave it."""
    answer = {**members, "iss": issuer, **({} if state is None else {"state": state})}
    return f"{redirect_uri}{'&' if urlsplit(redirect_uri).query else '?'}{urlencode(answer)}"


def hash_code(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def verifier_matches(verifier: str | None, challenge: str) -> bool:
    """RFC 7636 §4.6; without a challenge there is no verifier (RFC 9700 §4.8.2)."""
    if challenge == NO_CHALLENGE:
        return verifier is None
    if verifier is None or VERIFIER.fullmatch(verifier) is None:
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(digest, challenge.encode())


def require_redeemable(
    code: AuthorizationCode, asked: Parameters, *, client: Client, jkt: str | None, at: datetime
) -> None:
    """What must hold of a code that was not used before. Raises OAuthError `invalid_grant`."""
    is_right = (
        code.client_id == client.client_id
        and code.redirect_uri == asked.one("redirect_uri")
        and at <= code.expires_at
        and verifier_matches(asked.one("code_verifier"), code.code_challenge)
        and code.dpop_jkt in {None, jkt}
    )
    if not is_right:
        raise OAuthError("invalid_grant", "the code is not valid")


def choose_audience(asked: Sequence[str], *, granted: Sequence[str], client: Client, issuer: str) -> str:
    """One audience per token: the resource asked for, else the issuer. Raises OAuthError `invalid_target`.

    A client that named resources when it asked for the code gets tokens for those alone (RFC 8707 §2.2).
    """
    if len(asked) > 1:
        raise OAuthError("invalid_target", "one resource per token")
    require_audiences(client, asked, issuer=issuer)
    if not asked:
        return issuer
    if granted and asked[0] not in granted:
        raise OAuthError("invalid_target", "the resource was not asked for when the code was given")
    return asked[0]


def wait_until_past(bound: datetime | None, *, at: datetime) -> timedelta:
    """How long until a token's `iat`, in whole seconds, is later than `bound`."""
    if bound is None:
        return timedelta()
    return max(bound + timedelta(seconds=1) - at, timedelta())


def recourse_address(request: AuthorizationRequest) -> str:
    """The same request, asking for recourse."""
    asked = {
        "response_type": "code",
        "client_id": request.client_id,
        "redirect_uri": request.redirect_uri,
        "scope": "openid recourse",
        "code_challenge": request.code_challenge,
        "code_challenge_method": "S256",
        "ui_locales": request.language,
        "state": request.state,
        "nonce": request.nonce,
        "dpop_jkt": request.dpop_jkt,
        "claims": as_parameter(acr=request.required_acr, subject=request.required_subject),
    }
    present = [(name, value) for name, value in asked.items() if value is not None]
    return f"/oauth/authorize?{urlencode([*present, *(('resource', it) for it in request.resources)])}"
