"""What a code gave: access and refresh tokens of one family (RFC 6749 §6, RFC 9700 §4.14)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.confirmation import Confirmation
from services.auth.client.rules import OFFLINE_ACCESS, RECOURSE
from services.auth.oauth_errors import OAuthError
from services.auth.session.holder import Holder
from services.auth.session.rules import Lifetime, Session, Stage, is_alive, may_act


class Reason(StrEnum):
    """Why a grant gives nothing any more."""

    CODE_REPLAYED = "code-replayed"
    REFRESH_TOKEN_REUSED = "refresh-token-reused"  # noqa: S105 - a reason code
    REVOKED_BY_CLIENT = "revoked-by-client"


class Binding(StrEnum):
    """By what the tokens of a grant are bound to their sender."""

    KEY = "key"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """`is_ended`: revoked, or its client was disabled since."""

    id: UUID
    client_id: str
    session_id: UUID
    scope: tuple[str, ...]
    resources: tuple[str, ...]
    code_hash: bytes = field(repr=False)
    given_at: datetime
    expires_at: datetime
    is_ended: bool = False
    bound_by: Binding | None = None

    @property
    def may_be_refreshed(self) -> bool:
        return OFFLINE_ACCESS in self.scope and RECOURSE not in self.scope


@dataclass(frozen=True, slots=True)
class HeldGrant:
    """A grant, its session and whose it is, as they are now; `bound`: what `standing` refuses tokens up to."""

    grant: TokenGrant
    session: Session
    holder: Holder
    bound: datetime | None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    given_at: datetime
    used_at: datetime | None
    held: HeldGrant


def is_good(held: HeldGrant, *, lifetime: Lifetime, at: datetime) -> bool:
    """Whether the grant still gives tokens and its tokens still stand, but for what `standing` says."""
    return not held.grant.is_ended and is_session_good(held.session, held.holder, lifetime=lifetime, at=at)


def is_session_good(session: Session, holder: Holder, *, lifetime: Lifetime, at: datetime) -> bool:
    """Complete, alive, and of somebody who may act in it."""
    if session.stage is not Stage.COMPLETE or not is_alive(session, lifetime=lifetime, at=at):
        return False
    return holder.agent is not None or (holder.facts is not None and may_act(session, holder.facts))


def binding_of(confirmation: Confirmation) -> Binding | None:
    if confirmation.jkt is not None:
        return Binding.KEY
    return None if confirmation.x5t is None else Binding.CERTIFICATE


def keeps_binding(grant: TokenGrant, confirmation: Confirmation) -> bool:
    """A client that authenticates may change its key (RFC 9449 §5) or certificate, but not go without."""
    return grant.bound_by in {None, binding_of(confirmation)}


def narrow_scope(granted: Sequence[str], asked: str | None) -> tuple[str, ...]:
    """RFC 6749 §6: what was granted, or less. Raises OAuthError `invalid_scope`."""
    if asked is None:
        return tuple(granted)
    wanted = frozenset(asked.split())
    if not wanted or not wanted <= frozenset(granted):
        raise OAuthError("invalid_scope", "the scope is wider than what was granted")
    return tuple(scope for scope in granted if scope in wanted)
