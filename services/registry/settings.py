from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from pydantic import Field

from libs.common.settings import ServiceSettings

PROJECT = Path(__file__).resolve().parents[2]
LOCAL_PROOF_FILE = Path("deploy/local/identity_proof.csv")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class RegistrySettings(ServiceSettings):
    """Settings of registry alone; limits of openings and proofs are per hour."""

    pairwise_key_file: Path = Field(description="base64 master key of the pairwise ids that departments see")
    identity_proof_file: Path | None = Field(
        None,
        description="fixture of the identity proof; none: the local platform's on loopback, elsewhere every file "
        "goes to validation",
    )
    registration_session_seconds: int = Field(
        7200, ge=60, description="life of a registration session, idle or not"
    )
    openings_per_network: int = Field(300, ge=1, description="registrations opened per network and hour")
    openings_in_all: int = Field(20_000, ge=1, description="registrations opened by all networks per hour")
    proofs_per_network: int = Field(100, ge=1, description="identity proofs tried per network and hour")
    proofs_in_all: int = Field(10_000, ge=1, description="identity proofs tried by all networks per hour")
    proof_failures_per_applicant: int = Field(
        10, ge=3, description="failed proofs of one identification number in a day, whatever the file"
    )
    register_rows_refused_above: float = Field(
        0.01, ge=0, le=1, description="share of malformed rows above which a load of the register is refused"
    )

    @property
    def proof_file(self) -> Path | None:
        """The fixture is known to everyone, so the default one serves on loopback only."""
        if self.identity_proof_file is not None:
            return PROJECT / self.identity_proof_file
        return PROJECT / LOCAL_PROOF_FILE if urlsplit(self.issuer).hostname in LOOPBACK else None


async def _current_settings(request: Request) -> RegistrySettings:
    settings: RegistrySettings = request.app.state.resources.settings
    return settings


CurrentSettings = Annotated[RegistrySettings, Depends(_current_settings)]
