"""The commands on clients. A department's security agents propose about its own; the provider's approve."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from libs.common.call import Call
from libs.common.database import Connection
from libs.common.errors import DomainError
from libs.common.http import RequestModel
from libs.common.principal import SIDE_OF_PROVIDER
from libs.common.proposal.command import Command, Executed
from libs.common.proposal.rules import Subject
from services.auth.client import change_rules as rules
from services.auth.client import changes, registration
from services.auth.client.members import ChangedClient, NamedClient, NewClient, RetiredSecret, read_changes
from services.auth.parts import Parts

PROPOSERS = frozenset({"agent:security", "department_agent:security"})
APPROVERS = frozenset({"agent:security"})
NOT_STORED = bytes(32)
Content = TypeVar("Content", bound=RequestModel)


async def _of_new(_tx: Connection, content: NewClient) -> Subject:
    return Subject(content.department or SIDE_OF_PROVIDER)


async def _known(tx: Connection, content: NamedClient) -> Subject:
    return Subject((await changes.require(tx, content.client_id)).side)


async def _check_new(tx: Connection, _call: Call, content: NewClient) -> None:
    await changes.require_registrable(tx, content.client())


async def _register(_parts: Parts, tx: Connection, call: Call, content: NewClient) -> Executed:
    return await changes.register(tx, call, content.client())


async def _check_change(tx: Connection, _call: Call, content: ChangedClient) -> None:
    registered = await changes.require(tx, content.client_id)
    await changes.changed(tx, registered, read_changes(content.changes), seen_hash=content.registration_hash)


async def _change(_parts: Parts, tx: Connection, call: Call, content: ChangedClient) -> Executed:
    registered = await changes.require(tx, content.client_id)
    wanted = read_changes(content.changes)
    return await changes.change(tx, call, registered, changes=wanted, seen_hash=content.registration_hash)


async def _check_disable(tx: Connection, _call: Call, content: NamedClient) -> None:
    rules.disable(await changes.require(tx, content.client_id))


async def _disable(_parts: Parts, tx: Connection, call: Call, content: NamedClient) -> Executed:
    return await changes.disable(tx, call, await changes.require(tx, content.client_id))


async def _check_enable(tx: Connection, _call: Call, content: NamedClient) -> None:
    await changes.enabled(tx, await changes.require(tx, content.client_id))


async def _enable(_parts: Parts, tx: Connection, call: Call, content: NamedClient) -> Executed:
    return await changes.enable(tx, call, await changes.require(tx, content.client_id))


async def _check_renew(tx: Connection, _call: Call, content: NamedClient) -> None:
    rules.add_secret((await changes.require(tx, content.client_id)).client, NOT_STORED)


async def _renew(_parts: Parts, tx: Connection, call: Call, content: NamedClient) -> Executed:
    return await changes.renew_secret(tx, call, await changes.require(tx, content.client_id))


async def _check_retire(tx: Connection, _call: Call, content: RetiredSecret) -> None:
    rules.retire_secret((await changes.require(tx, content.client_id)).client, content.secret_id)


async def _retire(_parts: Parts, tx: Connection, call: Call, content: RetiredSecret) -> Executed:
    registered = await changes.require(tx, content.client_id)
    return await changes.retire_secret(tx, call, registered, secret_id=content.secret_id)


def _command(  # noqa: PLR0913 - what a command is made of, each by name
    name: str,
    content: type[Content],
    *,
    subject: Callable[[Connection, Content], Awaitable[Subject]],
    check: Callable[[Connection, Call, Content], Awaitable[None]],
    execute: Callable[[Parts, Connection, Call, Content], Awaitable[Executed]],
    raises: tuple[type[DomainError], ...],
    needs_facts: bool = True,
) -> Command[Parts, Content]:
    return Command(
        name,
        content,
        proposers=PROPOSERS,
        approvers=APPROVERS,
        subject=subject,
        check=check,
        execute=execute,
        needs_facts=needs_facts,
        raises=raises,
    )


MEMBERS_REFUSED = (
    registration.ClientKeyNotAcceptable,
    registration.ClientMembersInconsistent,
    registration.ProfileNotMet,
    registration.RedirectAddressNotAllowed,
)
COMMANDS = (
    _command(
        "register_client",
        NewClient,
        subject=_of_new,
        check=_check_new,
        execute=_register,
        raises=(rules.ClientIdTaken, rules.ProductHasVendor, *MEMBERS_REFUSED),
    ),
    _command(
        "change_client",
        ChangedClient,
        subject=_known,
        check=_check_change,
        execute=_change,
        raises=(rules.ClientNotAsSeen, rules.ClientUnchanged, rules.ProductHasVendor, *MEMBERS_REFUSED),
    ),
    _command(
        "disable_client",
        NamedClient,
        subject=_known,
        check=_check_disable,
        execute=_disable,
        needs_facts=False,
        raises=(rules.ClientDisabledAlready,),
    ),
    _command(
        "enable_client",
        NamedClient,
        subject=_known,
        check=_check_enable,
        execute=_enable,
        raises=(rules.ClientNotDisabled, rules.ProductHasVendor),
    ),
    _command(
        "renew_client_secret",
        NamedClient,
        subject=_known,
        check=_check_renew,
        execute=_renew,
        raises=(rules.ClientSecretsAreTwo, rules.ClientTakesNoSecret),
    ),
    _command(
        "retire_client_secret",
        RetiredSecret,
        subject=_known,
        check=_check_retire,
        execute=_retire,
        needs_facts=False,
        raises=(rules.ClientSecretNotLive, rules.LastClientSecret),
    ),
)
