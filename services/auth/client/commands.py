from dataclasses import asdict
from datetime import datetime
from typing import Any

from libs.common.call import Call
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from services.auth.authorization import of_client
from services.auth.client import change_rules, registered_store, store
from services.auth.client.keys import read_jwk
from services.auth.client.registration import require_sound
from services.auth.client.rules import Client
from services.auth.installation_files import InstallationFault


async def find_client(database: Database | Connection, client_id: str | None) -> Client | None:
    return None if client_id is None else await store.find(database, client_id)


async def install_client(tx: Connection, call: Call, client: Client) -> bool:
    """Registers a client as the installation file says; answers whether anything changed.

    What two persons registered or changed, the file changes no more.

    Raises InstallationFault when it would be another owner's, and what require_sound raises.
    """
    require_sound(client)
    await registered_store.lock(tx)
    known = await registered_store.find(tx, client.client_id)
    if known is not None and (known.client == client or not known.is_installed):
        return False
    if known is not None:
        _require_same_owner(known.client, client)
    await store.save(tx, client, at=call.at)
    content = registration_of(client)
    if known is not None:
        await end_given_to_another_vendor(tx, known.client, client)
        content |= {"changed": change_rules.difference(known.client, client)}
    await record_evidence(tx, call, "install_client", applicant_id=None, content=content)
    return True


def _require_same_owner(before: Client, after: Client) -> None:
    member = change_rules.other_owner(before, after)
    if member is not None:
        told = f"the {member} of the client {after.client_id} never changes: another owner's is another client"
        raise InstallationFault(told)


async def require_one_vendor(tx: Connection, client: Client) -> None:
    """Once every client of a file is installed. Raises ProductHasVendor."""
    change_rules.require_one_vendor(client, beside=await registered_store.list_beside(tx, client))


async def end_given_to_another_vendor(tx: Connection, before: Client, after: Client) -> None:
    """People allowed it to the vendor that they were told."""
    if before.vendor != after.vendor:
        await of_client.end_given(tx, after.client_id)


def registration_of(client: Client) -> dict[str, Any]:
    """The registration, its keys by thumbprint and its secrets by number alone."""
    members = {name: value for name, value in asdict(client).items() if name not in {"jwks", "secret_hashes"}}
    return {
        **{name: list(value) if isinstance(value, tuple) else value for name, value in members.items()},
        "jwk_thumbprints": [read_jwk(jwk).thumbprint() for jwk in client.jwks],
        "live_secrets": len(client.secret_hashes),
    }


async def forget_old_assertions(tx: Connection, *, at: datetime) -> int:
    return await store.forget_old_assertions(tx, at=at)
