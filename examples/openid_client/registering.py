"""The client's own key, and the file that an operator installs so that the provider knows the client."""

import json
import os
from pathlib import Path

from jwskate import Jwk

CLIENT_ID = "openid-example"
REDIRECT_URI = "http://127.0.0.1:18092/callback"
PRIVATE_KEY = "private.jwk.json"
PUBLIC_KEY = "public.jwk.json"
INSTALLATION = "installation.yaml"


def private_key(directory: Path) -> Jwk:
    """Made once; the file is its owner's alone."""
    path = directory / PRIVATE_KEY
    if not path.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = Jwk.generate(alg="ES256").with_kid_thumbprint()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(key.to_dict(), file)
    return Jwk(json.loads(path.read_text(encoding="utf-8")))


def register(directory: Path) -> Path:
    """Writes what `python -m services.auth install` reads; installing it again changes nothing."""
    public = private_key(directory).public_jwk().to_dict()
    named = {name: public[name] for name in ("kty", "crv", "x", "y", "kid", "alg")}
    (directory / PUBLIC_KEY).write_text(json.dumps({**named, "use": "sig"}), encoding="utf-8")
    client = {
        "client_id": CLIENT_ID,
        "kind": "software",
        "software": "openid-example",
        "name": {"fr": "Exemple OpenID", "en": "OpenID example"},
        "redirect_uris": [REDIRECT_URI],
        "profile": "fapi2",
        "dpop_bound_access_tokens": True,
        "jwk_file": str((directory / PUBLIC_KEY).resolve()),
    }
    installation = directory / INSTALLATION
    # JSON is YAML.
    installation.write_text(json.dumps({"clients": [client]}, indent=2, ensure_ascii=False), encoding="utf-8")
    return installation
