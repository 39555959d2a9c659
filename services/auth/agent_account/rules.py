import hmac
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import pyotp

STEP_SECONDS = 30
STEPS_AROUND = (-1, 0, 1)
ROLES = frozenset({"validator", "decider", "support", "auditor", "security"})


@dataclass(frozen=True, slots=True)
class AgentAccount:
    """`side` is `provider` or a department's code."""

    id: UUID
    name: str
    side: str
    roles: tuple[str, ...]
    password_hash: str = field(repr=False)
    pepper_key_id: str
    sealed_totp: bytes = field(repr=False)
    sealing_key_id: str
    last_totp_step: int

    @property
    def actor(self) -> str:
        return f"agent:{self.id}"


def find_step(secret: str, typed: str, *, last_step: int, at: datetime) -> int | None:
    """The time step that a typed code belongs to (RFC 6238 §5.2): one around now, later than the last one used."""
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    present = int(at.timestamp()) // STEP_SECONDS
    digits = "".join(typed.split())
    found = None
    for step in (present + around for around in STEPS_AROUND):
        if hmac.compare_digest(totp.generate_otp(step).encode(), digits.encode()) and step > last_step:
            found = step
    return found
