from pathlib import Path

from pydantic import Field

from libs.common.settings import ServiceSettings


class DelegationSettings(ServiceSettings):
    """Settings of delegation alone."""

    pairwise_key_file: Path = Field(
        description="file with the 32-byte master key of departments' pairwise ids, base64"
    )
    users_per_applicant: int = Field(500, ge=1, description="users that one applicant may have")
