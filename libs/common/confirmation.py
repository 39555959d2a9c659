"""Sender-constrained access tokens: what a token says of its holder (`cnf`), and whether a request shows it."""

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from libs.common.certificates import certificate_of, thumbprint_of
from libs.common.database import Database
from libs.common.dpop import HEADER, SCHEME, InvalidProof, read_proof
from libs.common.proof_store import use_proof
from libs.common.settings import ServiceSettings

JKT, X5T = "jkt", "x5t#S256"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The key (RFC 9449 §6.1) or certificate (RFC 8705 §3.1) that a token is bound to; neither: a bearer token."""

    jkt: str | None = None
    x5t: str | None = None

    @property
    def claim(self) -> dict[str, Any]:
        members = {name: value for name, value in ((JKT, self.jkt), (X5T, self.x5t)) if value is not None}
        return {"cnf": members} if members else {}

    @property
    def token_type(self) -> str:
        return "Bearer" if self.jkt is None else "DPoP"


UNBOUND = Confirmation()


def confirmation_of(claims: Mapping[str, Any]) -> Confirmation:
    """What verified claims say. Raises ValueError for a binding that is not understood: it cannot be kept."""
    members = claims.get("cnf")
    if members is None:
        return UNBOUND
    known = isinstance(members, dict) and members and members.keys() <= {JKT, X5T}
    if not known or not all(isinstance(value, str) for value in members.values()):
        raise ValueError("the token is bound in an unknown way")
    return Confirmation(members.get(JKT), members.get(X5T))


def has_certificate(request: Request, settings: ServiceSettings, confirmation: Confirmation) -> bool:
    """RFC 8705 §3: the connection is of the certificate that the token is bound to, if it is bound to one."""
    if confirmation.x5t is None:
        return True
    certificate = certificate_of(request, settings)
    return certificate is not None and hmac.compare_digest(thumbprint_of(certificate), confirmation.x5t)


async def is_shown_by_its_sender(  # noqa: PLR0913 - the request and where it came to, each by name
    request: Request,
    confirmation: Confirmation,
    *,
    scheme: str,
    access_token: str,
    settings: ServiceSettings,
    database: Database,
    addresses: Collection[str],
) -> bool:
    """A bound token is of no use as a bearer token, nor a bearer token under the scheme DPoP (RFC 9449 §7.1)."""
    if (scheme.lower() == SCHEME) != (confirmation.jkt is not None):
        return False
    if not has_certificate(request, settings, confirmation):
        return False
    if confirmation.jkt is None:
        return True
    try:
        proof = read_proof(
            request.headers.getlist(HEADER),
            method=request.method,
            addresses=addresses,
            at=request.state.at,
            access_token=access_token,
        )
    except InvalidProof:
        return False
    return hmac.compare_digest(proof.jkt, confirmation.jkt) and await use_proof(database, proof)
