"""What a generated client learns of the routes that speak OAuth, and of the pages, which no client calls."""

from collections.abc import Iterable
from typing import Any

from services.auth.parameters import FORM_TYPE

Described = dict[str, Any]

JSON, HTML = "application/json", "text/html"
TEXT: Described = {"type": "string"}
INTEGER: Described = {"type": "integer"}
TEXTS: Described = {"type": "array", "items": TEXT}
RETRY: Described = {"Retry-After": {"schema": TEXT, "description": "Seconds to wait."}}
CHALLENGE: Described = {"WWW-Authenticate": {"schema": TEXT}}
NONCE: Described = {"DPoP-Nonce": {"schema": TEXT, "description": "For the next proof (RFC 9449 §8)."}}
HEADERS: dict[int, Described] = {400: NONCE, 401: CHALLENGE | NONCE, 503: RETRY}

CLIENT_ERRORS = {400: ("invalid_request",), 401: ("invalid_client",), 503: ("temporarily_unavailable",)}
TOKEN_ERRORS = {
    **CLIENT_ERRORS,
    400: (
        *("access_denied", "invalid_grant", "invalid_request", "invalid_scope", "invalid_target"),
        *("invalid_dpop_proof", "unauthorized_client", "unsupported_grant_type", "use_dpop_nonce"),
    ),
}
PUSH_ERRORS = {
    **CLIENT_ERRORS,
    400: (
        *("access_denied", "invalid_request", "invalid_request_object", "invalid_scope", "invalid_target"),
        *("request_not_supported", "request_uri_not_supported", "unsupported_response_type"),
        *("unauthorized_client", "unmet_authentication_requirements", "invalid_dpop_proof", "use_dpop_nonce"),
    ),
}
SHOWN_ERRORS = {
    400: ("invalid_request",),
    401: ("invalid_dpop_proof", "invalid_token", "use_dpop_nonce"),
    403: ("insufficient_scope",),
    503: ("temporarily_unavailable",),
}

# How clients authenticate: RFC 6749 §2.3.1, RFC 7523 §2.2, RFC 8705 §2. `{}`: by members of the form.
BY_CLIENT: list[Described] = [{"client_secret_basic": []}, {"mutual_tls": []}, {}]
BY_TOKEN: list[Described] = [{"bearer": []}, {"dpop": []}, {"bearer": [], "mutual_tls": []}]
CREDENTIALS = ("client_id", "client_secret", "client_assertion", "client_assertion_type")
AUTHORIZATION = (
    *("response_type", "response_mode", "redirect_uri", "scope", "state", "nonce", "resource", "dpop_jkt"),
    *("code_challenge", "code_challenge_method", "login_hint", "id_token_hint", "max_age", "prompt"),
    *("acr_values", "claims", "ui_locales", "request"),
)
LOGOUT_MEMBERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")
EXCHANGE = ("subject_token", "subject_token_type", "requested_token_type", "audience")
PROOF: Described = {
    "name": "DPoP",
    "in": "header",
    "required": False,
    "description": "The proof of a key, to which the tokens are then bound (RFC 9449).",
    "schema": TEXT,
}


def _type(name: str) -> Described:
    return TEXTS if name == "resource" else INTEGER if name in {"max_age", "expires_in", "exp", "iat"} else TEXT


def _object(names: Iterable[str], required: Iterable[str] = ()) -> Described:
    return {"type": "object", "properties": {name: _type(name) for name in names}, "required": list(required)}


def _form(*names: str, required: Iterable[str] = (), is_required: bool = True) -> Described:
    return {"requestBody": {"required": is_required, "content": {FORM_TYPE: {"schema": _object(names, required)}}}}


def _query(*names: str, required: Iterable[str] = ()) -> Described:
    needed = set(required)
    return {
        "parameters": [
            {"name": name, "in": "query", "required": name in needed, "schema": _type(name)} for name in names
        ]
    }


def _answer(told: str, schema: Described | None = None) -> Described:
    return (
        {"description": told} if schema is None else {"description": told, "content": {JSON: {"schema": schema}}}
    )


def _errors(codes: dict[int, tuple[str, ...]]) -> Described:
    """RFC 6749 §5.2."""
    answers = {}
    for status, every in codes.items():
        schema = _object(("error", "error_description"), ("error",))
        schema["properties"]["error"] = {"enum": sorted(every)}
        answers[str(status)] = _answer(", ".join(sorted(every)), schema) | {"headers": HEADERS.get(status, {})}
    return answers


def _pages(*statuses: int) -> Described:
    page = {"description": "A page for a person.", "content": {HTML: {"schema": TEXT}}}
    return {str(status): page for status in statuses} | {"303": REDIRECT}


REDIRECT: Described = {
    "description": "The browser goes on, at last to the client's registered address.",
    "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
}
REDIRECTION: Described = {"responses": {"303": REDIRECT}, "security": []}
PAGE: Described = {"responses": _pages(200, 400, 401, 403, 404, 409, 429, 503), "security": []}
PASSKEY_OPTIONS: Described = {
    **PAGE,
    "responses": PAGE["responses"] | {"200": _answer("What the browser asks its passkeys.", {"type": "object"})},
}

AUTHORIZE_ANSWERS: Described = {"responses": _pages(400, 403, 503), "security": []}
AUTHORIZE = AUTHORIZE_ANSWERS | _query("client_id", *AUTHORIZATION, "request_uri", required=("client_id",))
AUTHORIZE_BY_FORM = AUTHORIZE_ANSWERS | _form("client_id", *AUTHORIZATION, "request_uri", required=("client_id",))
LOGOUT = PAGE | _query(*LOGOUT_MEMBERS, "language")
LOGOUT_BY_FORM = PAGE | _form(*LOGOUT_MEMBERS, "language", "form_token")

TOKEN: Described = {
    **_form(
        *("grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", "resource"),
        *EXCHANGE,
        *CREDENTIALS,
        required=("grant_type",),
    ),
    "parameters": [PROOF],
    "security": BY_CLIENT,
    "responses": {
        "200": _answer(
            "RFC 6749 §5.1; for an exchange RFC 8693 §2.2.",
            _object(
                (
                    *("access_token", "token_type", "expires_in", "scope"),
                    *("refresh_token", "id_token", "issued_token_type"),
                ),
                ("access_token", "token_type", "expires_in"),
            ),
        ),
        **_errors(TOKEN_ERRORS),
    },
}
PUSH: Described = {
    **_form(*AUTHORIZATION, *CREDENTIALS),
    "parameters": [PROOF],
    "security": BY_CLIENT,
    "responses": {
        "201": _answer("RFC 9126 §2.2.", _object(("request_uri", "expires_in"), ("request_uri", "expires_in"))),
        **_errors(PUSH_ERRORS),
    },
}
INTROSPECT: Described = {
    **_form("token", "token_type_hint", *CREDENTIALS, required=("token",)),
    "security": [*BY_CLIENT, *BY_TOKEN],
    "responses": {
        "200": _answer(
            "RFC 7662 §2.2; of a token that is not good, or not the caller's affair, `active` alone.",
            {
                "type": "object",
                "properties": {"active": {"type": "boolean"}},
                "required": ["active"],
                "additionalProperties": True,
            },
        ),
        **_errors(
            {
                **SHOWN_ERRORS,
                400: ("access_denied", "invalid_request"),
                401: ("invalid_client", *SHOWN_ERRORS[401]),
            }
        ),
    },
}
REVOKE: Described = {
    **_form("token", "token_type_hint", *CREDENTIALS, required=("token",)),
    "security": BY_CLIENT,
    "responses": {
        "200": _answer("The token is good no more, whether or not it was (RFC 7009 §2.2)."),
        **_errors({**CLIENT_ERRORS, 400: ("access_denied", "invalid_request", "unsupported_token_type")}),
    },
}
USERINFO: Described = {
    "security": BY_TOKEN,
    "responses": {
        "200": _answer(
            "OpenID Connect Core §5.3.2.", {**_object(("sub",), ("sub",)), "additionalProperties": True}
        ),
        **_errors({**SHOWN_ERRORS, 400: ("access_denied", "invalid_request")}),
    },
}
USERINFO_BY_FORM = USERINFO | _form("access_token", is_required=False) | {"security": [*BY_TOKEN, {}]}
PUBLISHED: Described = {
    "security": [],
    "responses": {"200": _answer("Public.", {"type": "object"}), "304": _answer("As the `ETag` says.")},
}
