"""What a step of a sign-in is given, and where it leads."""

from dataclasses import dataclass, field
from enum import StrEnum

from libs.common.access_records import Circumstances
from libs.common.errors import DomainError
from services.auth.authorization.rules import AuthorizationRequest, PostedForm
from services.auth.client.rules import Client
from services.auth.session.attempts import Subjects
from services.auth.session.rules import Session, Stage
from services.auth.user_code.rules import RegistrationState


@dataclass(frozen=True)
class Visit:
    """One page or posted form: for which request of which client, under which circumstances."""

    circumstances: Circumstances
    request: AuthorizationRequest
    request_secret: str = field(repr=False)
    client: Client
    session: Session | None
    devices: str | None = field(default=None, repr=False)
    form: PostedForm | None = None


class Next(StrEnum):
    """Where the person goes from here; `STEP` is the page of the stage that the session is in now.

    `SIGN_IN`: the request is not for whoever the session is of; somebody may sign in for it.
    `ENDED`: too many codes were wrong, so the sign-in is over and the next one waits.
    """

    REFUSED = "refused"
    WAIT = "wait"
    ENDED = "ended"
    LATER = "later"
    STATE = "state"
    START_AGAIN = "start-again"
    STEP = "step"
    SIGN_IN = "sign-in"
    BACK = "back"


@dataclass(frozen=True)
class Outcome:
    """`location` leads back to the client; `session_secret` and `devices` go into cookies.

    `forgiven` are the counts of an attempt that turned out well, once the step is committed.

    `may_come_again`: the browser keeps the cookie of its request, which its form may bring once more.

    `error` says what was wrong with what was typed, where that may be told.
    """

    next: Next
    stage: Stage | None = None
    session_secret: str | None = field(default=None, repr=False)
    location: str | None = field(default=None, repr=False)
    retry_after: int = 0
    state: RegistrationState | None = None
    error: DomainError | None = None
    devices: str | None = field(default=None, repr=False)
    forgiven: Subjects | None = None
    may_come_again: bool = False
