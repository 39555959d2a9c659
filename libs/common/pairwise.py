"""What a department calls a person: the same name each time, another one than any other department's."""

import base64
import hashlib
import hmac
from uuid import UUID


def pairwise_id(master_key: bytes, *, department: str, user_code_id: UUID) -> str:
    """HMAC-SHA-256(department key, user code id), base64url; the department key derives from the master key."""
    department_key = hmac.digest(master_key, f"department:{department}".encode(), hashlib.sha256)
    digest = hmac.digest(department_key, user_code_id.bytes, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
