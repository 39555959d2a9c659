from typing import Any

from fastapi import Request, Response

from libs.common import assurance
from libs.common.admission import public
from libs.common.dpop import ALGS
from libs.common.http import new_router
from services.auth.authorization.rules import PROMPTS
from services.auth.authorization.token_api import GRANTS
from services.auth.client.keys import Alg
from services.auth.client.rules import UNDERSTOOD, Method
from services.auth.parts import parts_of
from services.auth.settings import AuthSettings

router = new_router(tags=["discovery"])

CLAIMS = (
    *("iss", "sub", "aud", "exp", "iat", "nonce", "auth_time"),
    *("acr", "amr", "sid", "applicant", "role", "power_of_attorney", "locale"),
)


def metadata(settings: AuthSettings) -> dict[str, Any]:
    """OpenID Connect Discovery §3 and RFC 8414 §2: what is there, and nothing else."""
    issuer = settings.issuer
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "introspection_endpoint_auth_methods_supported": _methods(settings),
        "introspection_endpoint_auth_signing_alg_values_supported": list(Alg),
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "revocation_endpoint_auth_methods_supported": _methods(settings),
        "revocation_endpoint_auth_signing_alg_values_supported": list(Alg),
        "pushed_authorization_request_endpoint": f"{issuer}/oauth/par",
        "require_pushed_authorization_requests": False,
        "jwks_uri": f"{issuer}/oauth/jwks",
        "end_session_endpoint": f"{issuer}/oauth/logout",
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "scopes_supported": list(UNDERSTOOD),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANTS),
        "subject_types_supported": ["pairwise", "public"],
        "id_token_signing_alg_values_supported": list(Alg),
        "token_endpoint_auth_methods_supported": _methods(settings),
        "token_endpoint_auth_signing_alg_values_supported": list(Alg),
        "dpop_signing_alg_values_supported": list(ALGS),
        "tls_client_certificate_bound_access_tokens": _tells_certificates(settings),
        "request_object_signing_alg_values_supported": list(Alg),
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": list(PROMPTS),
        "acr_values_supported": list(assurance.LEVELS),
        "ui_locales_supported": ["fr", "en"],
        "claims_supported": list(CLAIMS),
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
    }


def _methods(settings: AuthSettings) -> list[str]:
    """Certificates are told only where a proxy is set to tell them."""
    are_told = _tells_certificates(settings)
    return [method for method in Method if are_told or method is not Method.TLS_CLIENT_AUTH]


def _tells_certificates(settings: AuthSettings) -> bool:
    return bool(settings.client_certificate_header and settings.trusted_proxies)


@router.get("/.well-known/openid-configuration")
@public
async def openid_configuration(request: Request, response: Response) -> dict[str, Any]:
    return _answer(request, response)


@router.get("/.well-known/oauth-authorization-server")
@public
async def oauth_authorization_server(request: Request, response: Response) -> dict[str, Any]:
    return _answer(request, response)


def _answer(request: Request, response: Response) -> dict[str, Any]:
    response.headers["Cache-Control"] = "public, max-age=300"
    return metadata(parts_of(request).settings)
