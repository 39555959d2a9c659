from dataclasses import dataclass
from enum import StrEnum


class Capacity(StrEnum):
    """The authority arises from the position held, or was granted by the applicant (clause 5)."""

    BY_POSITION = "by-position"
    BY_GRANT = "by-grant"


@dataclass(frozen=True, slots=True)
class Representative:
    given_name: str
    family_name: str
    capacity: Capacity
    email: str
    telephone: str

    @property
    def full_name(self) -> str:
        return f"{self.given_name} {self.family_name}"
