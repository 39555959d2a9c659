"""How a service says which of its commands need two persons."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import SecretStr, ValidationError

from libs.common.call import Call
from libs.common.contracts.envelope import Event
from libs.common.database import Connection
from libs.common.errors import DomainError
from libs.common.http import RequestModel
from libs.common.proposal.rules import CommandUnknown, ContentInvalid, Subject

Parts = TypeVar("Parts")
Content = TypeVar("Content", bound=RequestModel)
Secrets = Mapping[str, SecretStr]
FAULTS_TOLD = 5


@dataclass(frozen=True)
class Executed:
    """What each is shown once: the second person in the answer, the first on collecting it, sealed till then."""

    to_approver: Secrets = field(default_factory=dict, repr=False)
    sealed_for_proposer: bytes | None = field(default=None, repr=False)


async def nothing_against(_tx: Connection, _call: Call, _content: Any) -> None:
    """For a command whose `execute` refuses by itself, and that may always be proposed."""


@dataclass(frozen=True)
class Command(Generic[Parts, Content]):
    """`proposers` and `approvers` are names by which routes admit: `agent:<role>`, `department_agent:<role>`.

    `subject` finds whom the content is about; UnknownOrForeign when there is no such. `check` raises why it may
    not be done now. `execute` does it, in the transaction of the approval. `unseal` opens what that sealed.
    `needs_facts`: not decided while facts are too old; off for what only takes away, by facts of one's own.
    `raises`: the rules of its own that it may be refused for, when it is proposed and when it is approved.
    """

    name: str
    content: type[Content]
    proposers: frozenset[str]
    approvers: frozenset[str]
    subject: Callable[[Connection, Content], Awaitable[Subject]]
    execute: Callable[[Parts, Connection, Call, Content], Awaitable[Executed]]
    check: Callable[[Connection, Call, Content], Awaitable[None]] = nothing_against
    unseal: Callable[[Parts, Content, bytes], Secrets] | None = None
    needs_facts: bool = True
    raises: tuple[type[DomainError], ...] = ()

    def read(self, content: Mapping[str, Any]) -> Content:
        """Raises ContentInvalid, which tells where and what, never the value."""
        try:
            return self.content.model_validate(content)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['type']}" for fault in error.errors()]
            raise ContentInvalid(faults="; ".join(faults[:FAULTS_TOLD])) from error


def no_parts(_request: Request) -> None:
    """For a service whose commands need nothing beside the database."""


async def roles_unknown(_tx: Connection, _actor: str) -> None:
    """For a service that knows agents by their tokens alone."""


@dataclass(frozen=True)
class TwoPersons(Generic[Parts]):
    """The commands of one service; `executed`, its event that tells of one about an applicant, if any can be.

    `admitted_as`: the names by which routes admit an actor now; None where the service does not know.
    """

    service: str
    commands: tuple[Command[Parts, Any], ...]
    parts_of: Callable[[Request], Parts]
    executed: Callable[..., Event] | None = None
    admitted_as: Callable[[Connection, str], Awaitable[frozenset[str] | None]] = roles_unknown

    def find(self, name: str) -> Command[Parts, Any]:
        """Raises CommandUnknown."""
        for command in self.commands:
            if command.name == name:
                return command
        raise CommandUnknown(known=", ".join(command.name for command in self.commands))

    def needs_facts(self, name: object) -> bool:
        """Of the command of this name; one that is unknown is refused for another reason."""
        return next((command.needs_facts for command in self.commands if command.name == name), True)

    @property
    def who(self) -> frozenset[str]:
        """Everyone who proposes or decides anything."""
        return frozenset().union(*(command.proposers | command.approvers for command in self.commands))

    @property
    def raised(self) -> list[type[DomainError]]:
        """What any of its commands may be refused for."""
        return [error for command in self.commands for error in command.raises]

    def visible_to(self, admitted_as: frozenset[str]) -> list[str]:
        """Names of the commands whose proposals these roles see."""
        return [one.name for one in self.commands if admitted_as & (one.proposers | one.approvers)]
