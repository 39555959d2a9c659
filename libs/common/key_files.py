import base64
import binascii
from pathlib import Path

from libs.common.errors import OperatorFault

KEY_BYTES = 32


class KeyFileFault(OperatorFault):
    """A key file is missing, or does not hold 32 bytes in base64."""


def read_key(path: Path) -> bytes:
    """Raises KeyFileFault."""
    try:
        key = base64.b64decode(path.read_text(encoding="ascii").strip(), validate=True)
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise KeyFileFault(f"the key file {path} cannot be read as base64") from error
    if len(key) != KEY_BYTES:
        raise KeyFileFault(f"the key in {path} is {len(key)} bytes long, not {KEY_BYTES}")
    return key
