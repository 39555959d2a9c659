"""What tokens are to be bound to: a key that is proved (RFC 9449), a certificate that is shown (RFC 8705)."""

from collections.abc import Collection

from fastapi import Request, Response

from libs.common.access_records import record_call
from libs.common.certificates import certificate_of, thumbprint_of
from libs.common.confirmation import Confirmation
from libs.common.dpop import ALGS, HEADER, InvalidProof, Proof, read_proof
from libs.common.proof_store import use_proof
from services.auth import records
from services.auth.authorization.nonces import is_recent, nonce_at
from services.auth.client.rules import Client, Method
from services.auth.oauth_errors import OAuthError
from services.auth.parts import Parts, parts_of

NONCE_HEADER = "DPoP-Nonce"
INVALID_PROOF = "invalid_dpop_proof"
USE_NONCE = "use_dpop_nonce"
ALGS_TOLD = " ".join(ALGS)


async def shown_proof(request: Request, *, action: str) -> Proof | None:
    """Before anybody is shown to be there: what is wrong with a proof is recorded of nobody. Raises OAuthError."""
    try:
        return read_shown_proof(request)
    except OAuthError as error:
        await record_call(
            parts_of(request).database,
            records.nobody(client_id=None, at=request.state.at),
            circumstances=records.circumstances(request, action=action),
            applicant_id=None,
            refusal=error.code,
            needs_facts=False,
        )
        raise


def read_shown_proof(request: Request, *, access_token: str | None = None) -> Proof | None:
    """The proof that a request brings, if any; not yet used up. Raises OAuthError.

    Asked before the client authenticates, so that an assertion is not spent on a nonce that has changed.
    """
    shown = request.headers.getlist(HEADER)
    if not shown:
        return None
    try:
        proof = read_proof(
            shown,
            method=request.method,
            addresses=_addresses(request),
            at=request.state.at,
            access_token=access_token,
        )
    except InvalidProof as fault:
        raise OAuthError(INVALID_PROOF, str(fault)) from fault
    if proof.nonce is None or not is_recent(parts_of(request).sealing_key, proof.nonce, at=request.state.at):
        raise OAuthError(USE_NONCE, "the proof needs the nonce of this answer")
    return proof


async def confirm(request: Request, client: Client, proof: Proof | None) -> Confirmation:
    """Uses the proof up; answers what the tokens are bound to. Raises OAuthError."""
    parts = parts_of(request)
    if proof is None and client.dpop_bound_access_tokens:
        raise OAuthError(INVALID_PROOF, "this client's tokens are bound to a key: a proof is needed")
    x5t = _thumbprint(request, client, is_proved=proof is not None)
    if proof is not None:
        await require_unused(parts, proof)
    return Confirmation(None if proof is None else proof.jkt, x5t)


async def require_unused(parts: Parts, proof: Proof) -> None:
    """Raises OAuthError: of any number of uses, at any replica, one is the first."""
    if not await use_proof(parts.database, proof):
        raise OAuthError(INVALID_PROOF, "the proof was used before")


def _thumbprint(request: Request, client: Client, *, is_proved: bool) -> str | None:
    """A client that authenticates by certificate has its tokens bound to it, unless it proves a key instead."""
    must = client.tls_client_certificate_bound_access_tokens
    if not must and (is_proved or client.token_endpoint_auth_method is not Method.TLS_CLIENT_AUTH):
        return None
    certificate = certificate_of(request, parts_of(request).settings)
    if certificate is None:
        raise OAuthError("invalid_request", "this client's tokens are bound to a certificate: it must be shown")
    return thumbprint_of(certificate)


def tell_nonce(request: Request, answer: Response) -> Response:
    """RFC 9449 §8.2: whoever proves a key is told the nonce for its next proof."""
    if HEADER in request.headers:
        answer.headers[NONCE_HEADER] = nonce_at(parts_of(request).sealing_key, request.state.at)
    return answer


def _addresses(request: Request) -> Collection[str]:
    """Where this resource is reached, from outside or from within (RFC 9449 §4.3)."""
    settings, path = parts_of(request).settings, request.url.path
    return {f"{settings.issuer}{path}", f"{settings.auth_internal_url}{path}"}
