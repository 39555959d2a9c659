"""What the token endpoint refuses of a code or refresh token whose session is known."""

from collections.abc import Iterator
from contextlib import contextmanager

from libs.common.errors import DomainError
from services.auth.oauth_errors import OAuthError
from services.auth.session.rules import Session


class RefusedByStanding(OAuthError):
    """Recorded already, with this reason."""

    @property
    def is_passing(self) -> bool:
        return self.code == "temporarily_unavailable"


class RefusedOfSession(Exception):
    """`refusal` is to be recorded about the session's holder, and answered as it is."""

    def __init__(self, refusal: OAuthError | DomainError, session: Session) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.session = session


@contextmanager
def refusing_of(session: Session) -> Iterator[None]:
    """Raises RefusedOfSession, or RefusedByStanding as it is."""
    try:
        yield
    except RefusedByStanding:
        raise
    except (OAuthError, DomainError) as refusal:
        raise RefusedOfSession(refusal, session) from refusal
