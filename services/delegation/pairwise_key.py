import base64
from functools import cache
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

KEY_BYTES = 32


class _KeyPlace(BaseSettings):
    """The one setting that handlers of events need; they are given no other."""

    model_config = SettingsConfigDict(env_prefix="CLICSEQUR_", extra="ignore", frozen=True)

    pairwise_key_file: Path


def read_key(path: Path) -> bytes:
    """Raises ValueError unless the file holds 32 bytes in base64."""
    key = base64.b64decode(path.read_text(encoding="ascii").strip(), validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError(f"the pairwise key is {len(key)} bytes long, not {KEY_BYTES}")
    return key


@cache
def pairwise_key() -> bytes:
    """The master key that CLICSEQUR_PAIRWISE_KEY_FILE names, read once per process."""
    return read_key(_KeyPlace().pairwise_key_file)
