"""What an installation file's parts are made of, and the files that they name."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]


class InstallationFault(Exception):
    """One sentence for the operator."""


class FilePart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Translated(FilePart):
    fr: str
    en: str


def read_text(path: Path) -> str:
    """Raises InstallationFault."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InstallationFault(f"the file {path} cannot be read") from error
    if not text:
        raise InstallationFault(f"the file {path} is empty")
    return text
