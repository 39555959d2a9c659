"""Everything in this service that is proposed by one agent and approved by another."""

from fastapi import Request

from libs.common.contracts.auth import TwoPersonCommandExecuted
from libs.common.proposal.command import TwoPersons
from libs.common.proposal.parked import DISCARD_PARKED
from services.auth.agent_account import two_persons as agents
from services.auth.agent_account.commands import find_admitted_as
from services.auth.client import two_persons as clients
from services.auth.parts import Parts, parts_of
from services.auth.session.commands import SERVICE
from services.auth.user_code import two_persons as user_codes


def _parts(request: Request) -> Parts:
    return parts_of(request)


TWO_PERSONS = TwoPersons(
    service=SERVICE,
    commands=(*agents.COMMANDS, *clients.COMMANDS, *user_codes.COMMANDS, DISCARD_PARKED),
    parts_of=_parts,
    executed=TwoPersonCommandExecuted,
    admitted_as=find_admitted_as,
)
