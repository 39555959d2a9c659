import base64
import binascii
import ssl
from pathlib import Path

from libs.common.errors import OperatorFault
from libs.common.settings import ServiceSettings

KEY_BYTES = 32


class KeyFileFault(OperatorFault):
    """A key file is missing, or does not hold 32 bytes in base64."""


def require_ca_bundles(settings: ServiceSettings) -> None:
    """Before a call needs one of them. Raises OperatorFault."""
    for name, path in settings:
        if name.endswith("_ca_file") and path is not None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
            except OSError as error:
                raise OperatorFault(f"the CA bundle {path} cannot be read as certificates in PEM") from error


def read_key(path: Path) -> bytes:
    """Raises KeyFileFault."""
    try:
        key = base64.b64decode(path.read_text(encoding="ascii").strip(), validate=True)
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise KeyFileFault(f"the key file {path} cannot be read as base64") from error
    if len(key) != KEY_BYTES:
        raise KeyFileFault(f"the key in {path} is {len(key)} bytes long, not {KEY_BYTES}")
    return key
