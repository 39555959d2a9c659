"""What two persons do to a client; each runs in the transaction of their approval."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr

from libs.common.call import Call
from libs.common.database import Connection
from libs.common.errors import UnknownOrForeign
from libs.common.evidence import record_evidence
from libs.common.proposal.command import Executed
from services.auth.authorization import of_client
from services.auth.client import change_rules as rules
from services.auth.client import registered_store as store
from services.auth.client.change_rules import ClientState, Registered
from services.auth.client.commands import end_given_to_another_vendor, registration_of
from services.auth.client.rules import Client
from services.auth.client.secrets import hash_secret

SECRET_BYTES = 32


@dataclass(frozen=True)
class _Equipped:
    """A client with the secret that it did not have yet, if it needs one; in clear for the second person alone."""

    client: Client
    executed: Executed


async def require(tx: Connection, client_id: str) -> Registered:
    """The client, while nobody else changes any. Raises UnknownOrForeign."""
    await store.lock(tx)
    found = await store.find(tx, client_id)
    if found is None:
        raise UnknownOrForeign
    return found


async def require_registrable(tx: Connection, client: Client) -> None:
    """While nobody else changes any. Raises what the rules raise."""
    await store.lock(tx)
    rules.require_registrable(client, known=await store.find(tx, client.client_id))
    rules.require_one_vendor(client, beside=await store.list_beside(tx, client))


async def changed(tx: Connection, registered: Registered, changes: Mapping[str, Any], *, seen_hash: str) -> Client:
    """The client as it would be. Raises what the rules raise."""
    wanted = rules.change(registered, changes, seen_hash=seen_hash)
    rules.require_one_vendor(wanted, beside=await store.list_beside(tx, wanted))
    return wanted


async def register(tx: Connection, call: Call, client: Client) -> Executed:
    await require_registrable(tx, client)
    made = _equip(client)
    await store.save_registration(tx, made.client, state=ClientState.ACTIVE, at=call.at)
    await _record(tx, call, "register_client", made.client, told=registration_of(made.client))
    return made.executed


async def change(
    tx: Connection, call: Call, registered: Registered, *, changes: Mapping[str, Any], seen_hash: str
) -> Executed:
    """Addresses that are taken away serve no request that waits and no code that is not yet redeemed."""
    before = registered.client
    made = _equip(await changed(tx, registered, changes, seen_hash=seen_hash))
    await store.save_registration(tx, made.client, state=registered.state, at=call.at)
    removed = set(before.redirect_uris).difference(made.client.redirect_uris)
    await of_client.forget_addresses(tx, before.client_id, removed=removed)
    await end_given_to_another_vendor(tx, before, made.client)
    told = {"changed": rules.difference(before, made.client)}
    await _record(tx, call, "change_client", before, told=told)
    return made.executed


async def renew_secret(tx: Connection, call: Call, registered: Registered) -> Executed:
    """A second secret beside the first, for as long as the client takes to change over."""
    secret = _new_secret()
    renewed = rules.add_secret(registered.client, hash_secret(secret.get_secret_value()))
    return await _save_secrets(tx, call, registered, renewed, shown=secret)


async def retire_secret(tx: Connection, call: Call, registered: Registered, *, secret_id: str) -> Executed:
    return await _save_secrets(tx, call, registered, rules.retire_secret(registered.client, secret_id))


async def disable(tx: Connection, call: Call, registered: Registered) -> Executed:
    return await _switch(tx, call, registered, state=rules.disable(registered), command="disable_client")


async def enabled(tx: Connection, registered: Registered) -> ClientState:
    """The state that it would be in. Raises what the rules raise."""
    state = rules.enable(registered)
    rules.require_one_vendor(registered.client, beside=await store.list_beside(tx, registered.client))
    return state


async def enable(tx: Connection, call: Call, registered: Registered) -> Executed:
    """What was given before it was disabled, or just then, stays dead."""
    return await _switch(tx, call, registered, state=await enabled(tx, registered), command="enable_client")


async def _switch(
    tx: Connection, call: Call, registered: Registered, *, state: ClientState, command: str
) -> Executed:
    client = registered.client
    await store.save_state(tx, client.client_id, state=state, was=registered.state)
    await of_client.end_everything(tx, client.client_id)
    await _record(tx, call, command, client, told={})
    return Executed()


async def _save_secrets(
    tx: Connection, call: Call, registered: Registered, after: Client, *, shown: SecretStr | None = None
) -> Executed:
    await store.save_registration(tx, after, state=registered.state, at=call.at)
    command = "retire_client_secret" if shown is None else "renew_client_secret"
    await _record(tx, call, command, after, told={"changed": rules.difference(registered.client, after)})
    return Executed() if shown is None else Executed(to_approver={"client_secret": shown})


def _equip(client: Client) -> _Equipped:
    if not rules.needs_secret(client):
        return _Equipped(client, Executed())
    secret = _new_secret()
    hashed = hash_secret(secret.get_secret_value())
    return _Equipped(replace(client, secret_hashes=(hashed,)), Executed(to_approver={"client_secret": secret}))


def _new_secret() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(SECRET_BYTES))


async def _record(tx: Connection, call: Call, command: str, client: Client, *, told: Mapping[str, Any]) -> None:
    content = {"client_id": client.client_id, **told}
    await record_evidence(tx, call, command, applicant_id=None, content=content)
