"""Whether an access token is shown to auth by the sender that it is bound to."""

import hmac

from fastapi import Request

from libs.common.confirmation import has_certificate
from services.auth.authorization.access_tokens import AccessToken
from services.auth.authorization.bearer import DPOP, BearerError, ShownToken, invalid_token
from services.auth.authorization.senders import read_shown_proof, require_unused
from services.auth.oauth_errors import OAuthError
from services.auth.parts import Parts


async def sender_fault(
    request: Request, parts: Parts, token: AccessToken, shown: ShownToken
) -> BearerError | None:
    """RFC 9449 §7, RFC 8705 §3; None for the right sender, whose proof is now used up."""
    confirmation = token.confirmation
    is_right_scheme = (shown.scheme == DPOP) == (confirmation.jkt is not None)
    if not is_right_scheme or not has_certificate(request, parts.settings, confirmation):
        return invalid_token()
    if confirmation.jkt is None:
        return None
    try:
        proof = read_shown_proof(request, access_token=shown.text)
        if proof is None:
            return BearerError("invalid_dpop_proof", "a token that is bound to a key is shown with a proof")
        if not hmac.compare_digest(proof.jkt, confirmation.jkt):
            return invalid_token()
        await require_unused(parts, proof)
    except OAuthError as error:
        return BearerError(error.code, error.description)
    return None
