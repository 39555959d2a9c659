import base64
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pyotp
from joserfc.jwk import ECKey

from deploy.local.databases import SERVICES, roles

OPERATOR = "operator"
DEPARTMENTS = ("revenu-quebec", "cnesst")
REDIRECT_CLIENTS = ("portal", "clic-revenu")
AGENTS = ("validator", "decider", "auditor", "security")
SUPERUSER = "postgres"
SYMMETRIC_KEYS = ("sealing", "pepper", "pairwise")


def create(directory: Path) -> None:
    """Whatever is missing in `directory` (700, files 600); what is there stays as it is."""
    for part in ("", "databases", "kafka", "clients", "agents"):
        (directory / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    for role in (SUPERUSER, *roles()):
        _write_once(database_password_file(directory, role), _password)
    for principal in (OPERATOR, *SERVICES, *DEPARTMENTS):
        _write_once(kafka_password_file(directory, principal), _password)
    for client in (*SERVICES, *DEPARTMENTS, *REDIRECT_CLIENTS):
        _create_client(directory, client)
    for name in SYMMETRIC_KEYS:
        _write_once(symmetric_key_file(directory, name), _symmetric_key)
    for agent in AGENTS:
        _write_once(directory / "agents" / f"{agent}.password", _password)
        _write_once(directory / "agents" / f"{agent}.totp", pyotp.random_base32)


def database_password_file(directory: Path, role: str) -> Path:
    return directory / "databases" / f"{role}.password"


def kafka_password_file(directory: Path, principal: str) -> Path:
    return directory / "kafka" / f"{principal}.password"


def client_key_file(directory: Path, client: str) -> Path:
    return directory / "clients" / f"{client}.pem"


def client_jwk_file(directory: Path, client: str) -> Path:
    """The public half, as a JWK with its thumbprint as `kid`."""
    return directory / "clients" / f"{client}.jwk.json"


def symmetric_key_file(directory: Path, name: str) -> Path:
    return directory / f"{name}.key"


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def database_passwords(directory: Path) -> dict[str, str]:
    return {role: read(database_password_file(directory, role)) for role in roles()}


def _create_client(directory: Path, client: str) -> None:
    private = client_key_file(directory, client)
    _write_once(private, lambda: ECKey.generate_key("P-256").as_pem(private=True).decode())
    _write_once(client_jwk_file(directory, client), lambda: _public_jwk(read(private)))


def _public_jwk(pem: str) -> str:
    key = ECKey.import_key(pem)
    public = {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": "ES256"}
    return json.dumps(public, indent=2)


def _password() -> str:
    return secrets.token_urlsafe(24)


def _symmetric_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _write_once(path: Path, make: Callable[[], str]) -> None:
    if path.exists():
        return
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(make() + "\n")
    draft.replace(path)
