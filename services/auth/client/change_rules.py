"""What two persons may do to a client's registration."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from libs.common.errors import Conflict, UnknownOrForeign
from libs.common.principal import SIDE_OF_PROVIDER
from services.auth.client.keys import read_jwk
from services.auth.client.registration import MOST_SECRETS, SECRET_HASH_BYTES, require_sound
from services.auth.client.rules import Client

NO_SECRET_YET = bytes(SECRET_HASH_BYTES)
SECRET_ID_LENGTH = 16
UNTOLD = frozenset({"secret_hashes"})
OWNER = ("kind", "department", "software")


class ClientState(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Registered:
    """`is_installed`: the installation file still speaks for it."""

    client: Client
    state: ClientState
    is_installed: bool

    @property
    def side(self) -> str:
        """Whose agents it belongs to: a department's code, or the provider."""
        return self.client.department or SIDE_OF_PROVIDER


class ClientIdTaken(Conflict):
    code = "client-id-taken"
    en = "Another client has this client_id. Choose another one; it is never given again."
    fr = "Un autre client porte ce client_id. Choisissez-en un autre; il n'est jamais redonné."


class ProductHasVendor(Conflict):
    code = "product-has-vendor"
    en = "The product {product} has clients of another vendor. A product has one vendor: choose another product."
    fr = (
        "Le logiciel {product} a des clients d'un autre éditeur. Un logiciel n'a qu'un éditeur : choisissez un"
        " autre logiciel."
    )


class ClientNotAsSeen(Conflict):
    code = "client-not-as-seen"
    en = "The client's registration is no longer what registration_hash names. Read it again and propose anew."
    fr = "L'inscription du client n'est plus celle que désigne registration_hash. Relisez-la, puis reproposez."


class ClientUnchanged(Conflict):
    code = "client-unchanged"
    en = "The client is registered so already."
    fr = "Le client est déjà inscrit ainsi."


class ClientDisabledAlready(Conflict):
    code = "client-disabled-already"
    en = "The client is disabled already."
    fr = "Le client est déjà désactivé."


class ClientNotDisabled(Conflict):
    code = "client-not-disabled"
    en = "The client is not disabled."
    fr = "Le client n'est pas désactivé."


class ClientTakesNoSecret(Conflict):
    code = "client-takes-no-secret"
    en = "This client does not authenticate by a secret. Its method is changed by change_client."
    fr = "Ce client ne s'authentifie pas par un secret. Sa méthode se change par change_client."


class ClientSecretsAreTwo(Conflict):
    code = "client-secrets-are-two"
    en = "Two secrets of this client are live. Retire one first."
    fr = "Deux secrets de ce client sont en vigueur. Retirez-en un d'abord."


class ClientSecretNotLive(Conflict):
    code = "client-secret-not-live"
    en = "No live secret of this client has this secret_id."
    fr = "Aucun secret en vigueur de ce client ne porte ce secret_id."


class LastClientSecret(Conflict):
    code = "last-client-secret"
    en = "It is the client's last secret. Renew it first, or disable the client."
    fr = "C'est le dernier secret du client. Renouvelez-le d'abord, ou désactivez le client."


def require_own_side(registered: Registered, *, side: str | None) -> None:
    """The provider's agents see every client, a department's its own. Raises UnknownOrForeign."""
    if side not in {SIDE_OF_PROVIDER, registered.side}:
        raise UnknownOrForeign


def secret_id(secret_hash: bytes) -> str:
    """Names a secret without telling it, nor the hash by which it is recognised."""
    return hashlib.sha256(b"secret id" + secret_hash).hexdigest()[:SECRET_ID_LENGTH]


def members_of(client: Client) -> dict[str, Any]:
    """The whole registration as JSON, its secrets by their ids alone."""
    told = {one.name: getattr(client, one.name) for one in fields(client) if one.name not in UNTOLD}
    ids = [secret_id(one) for one in client.secret_hashes]
    return {**{name: list(it) if isinstance(it, tuple) else it for name, it in told.items()}, "secret_ids": ids}


def registration_hash(client: Client) -> str:
    """What a change was decided on."""
    text = json.dumps(members_of(client), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def difference(before: Client, after: Client) -> dict[str, Any]:
    """What was and what is, member by member; keys by their thumbprints."""
    was, now = _for_evidence(before), _for_evidence(after)
    return {name: {"was": was[name], "is": now[name]} for name in was if was[name] != now[name]}


def _for_evidence(client: Client) -> dict[str, Any]:
    return {**members_of(client), "jwks": [read_jwk(jwk).thumbprint() for jwk in client.jwks]}


def other_owner(before: Client, after: Client) -> str | None:
    """The first member by which it would be another's client, or another client altogether."""
    return next((name for name in OWNER if getattr(before, name) != getattr(after, name)), None)


def require_one_vendor(client: Client, *, beside: Iterable[Registered]) -> None:
    """`beside`: clients of its product. One that is disabled speaks for nobody. Raises ProductHasVendor."""
    for other in beside:
        if other.state is ClientState.ACTIVE and other.client.vendor != client.vendor:
            raise ProductHasVendor(product=client.software or "")


def require_registrable(client: Client, *, known: Registered | None) -> None:
    """Raises ClientIdTaken and what registration.require_sound raises; its secret, if any, is made later."""
    if known is not None:
        raise ClientIdTaken
    require_sound(_as_with_secret(client))


def change(registered: Registered, changes: Mapping[str, Any], *, seen_hash: str) -> Client:
    """The client with other members; one that begins to authenticate by a secret has none yet.

    Raises ClientNotAsSeen, ClientUnchanged and what registration.require_sound raises.
    """
    client = registered.client
    if registration_hash(client) != seen_hash:
        raise ClientNotAsSeen
    changed = replace(client, **changes)
    if not changed.token_endpoint_auth_method.is_secret:
        changed = replace(changed, secret_hashes=())
    require_sound(_as_with_secret(changed))
    if changed == client:
        raise ClientUnchanged
    return changed


def needs_secret(client: Client) -> bool:
    return client.token_endpoint_auth_method.is_secret and not client.secret_hashes


def add_secret(client: Client, secret_hash: bytes) -> Client:
    """Raises ClientTakesNoSecret, ClientSecretsAreTwo."""
    if not client.token_endpoint_auth_method.is_secret:
        raise ClientTakesNoSecret
    if len(client.secret_hashes) >= MOST_SECRETS:
        raise ClientSecretsAreTwo
    return replace(client, secret_hashes=(*client.secret_hashes, secret_hash))


def retire_secret(client: Client, retired_id: str) -> Client:
    """Raises ClientSecretNotLive, LastClientSecret."""
    kept = tuple(one for one in client.secret_hashes if secret_id(one) != retired_id)
    if len(kept) == len(client.secret_hashes):
        raise ClientSecretNotLive
    if not kept:
        raise LastClientSecret
    return replace(client, secret_hashes=kept)


def disable(registered: Registered) -> ClientState:
    """Raises ClientDisabledAlready."""
    if registered.state is ClientState.DISABLED:
        raise ClientDisabledAlready
    return ClientState.DISABLED


def enable(registered: Registered) -> ClientState:
    """Raises ClientNotDisabled."""
    if registered.state is not ClientState.DISABLED:
        raise ClientNotDisabled
    return ClientState.ACTIVE


def _as_with_secret(client: Client) -> Client:
    return replace(client, secret_hashes=(NO_SECRET_YET,)) if needs_secret(client) else client
