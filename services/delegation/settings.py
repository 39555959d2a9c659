from pathlib import Path

from pydantic import Field, field_validator

from libs.common.settings import ServiceSettings
from services.delegation.pairwise_key import read_key


class DelegationSettings(ServiceSettings):
    """Settings of delegation alone."""

    pairwise_key_file: Path = Field(
        description="file with the 32-byte master key of departments' pairwise ids, base64"
    )
    users_per_applicant: int = Field(500, ge=1, description="users that one applicant may have")

    @field_validator("pairwise_key_file")
    @classmethod
    def _key_is_usable(cls, place: Path) -> Path:
        """Found at the start: a handler of events that lacks its key would park or retry them all."""
        try:
            read_key(place)
        except OSError as error:
            raise ValueError("the pairwise key file cannot be read") from error
        return place
