"""The password that a person chooses, and the renewal of its hash."""

import logging
from dataclasses import replace

import asyncpg
from pydantic import SecretStr

from libs.common.database import Database
from libs.common.errors import Unavailable
from services.auth.parts import Parts
from services.auth.second_factor.emailed import find_address
from services.auth.second_factor.rules import Owner
from services.auth.user_code import store
from services.auth.user_code.commands import password_of
from services.auth.user_code.password_rules import (
    PasswordUsedBefore,
    is_too_short_alone,
    require_well_formed,
    words_of_person,
)
from services.auth.user_code.passwords import HashedPassword, Passwords
from services.auth.user_code.rules import Facts, UserCode, normalise_code

log = logging.getLogger(__name__)


async def choose_password(parts: Parts, facts: Facts, *, new: SecretStr, repeated: SecretStr) -> HashedPassword:
    """Ready to be stored. Raises the rule that it breaks, cheapest first, or HashingBusy."""
    code = facts.code
    demands = parts.settings.password_demands(has_second_factor=facts.has_second_factor)
    require_well_formed(
        new.get_secret_value(), repeated=repeated.get_secret_value(), code=code.code, demands=demands
    )
    await parts.guessing.require_hard_to_guess(
        new, demands=demands, known_of_person=await _known_of(parts.database, code)
    )
    present = password_of(code)
    if present is not None and await parts.passwords.verify(new, present):
        raise PasswordUsedBefore
    former = await store.list_former_passwords(parts.database, code.id, most=parts.settings.password_history)
    if await parts.passwords.is_one_of(new, former):
        raise PasswordUsedBefore
    return replace(await parts.passwords.hash(new), may_stand_alone=not facts.has_second_factor)


async def _known_of(database: Database, code: UserCode) -> tuple[str, ...]:
    return words_of_person(
        code=code.code,
        applicant_id=code.applicant_id,
        names=await store.list_names(database, code),
        address=await find_address(database, Owner(code.id, code.applicant_id)),
    )


async def choose_agents_password(
    parts: Parts, *, name: str, present: HashedPassword, new: SecretStr, repeated: SecretStr
) -> HashedPassword:
    """As long as one that stands alone, though agents have a second factor. Raises as `choose_password`."""
    demands = parts.settings.password_demands(has_second_factor=False)
    require_well_formed(
        new.get_secret_value(), repeated=repeated.get_secret_value(), code=normalise_code(name), demands=demands
    )
    await parts.guessing.require_hard_to_guess(new, demands=demands, known_of_person=(name,))
    if await parts.passwords.verify(new, present):
        raise PasswordUsedBefore
    return await parts.passwords.hash(new)


async def note_if_too_short(database: Database, facts: Facts, *, typed: SecretStr) -> Facts:
    """After a sign-in by the right password: one of which it was not noted that it was chosen beside a factor."""
    code = facts.code
    is_noted = code.password_is_one_time or not code.password_may_stand_alone
    if is_noted or not is_too_short_alone(typed.get_secret_value()):
        return facts
    await store.save_beside_factor(database, code)
    return replace(facts, code=replace(code, password_may_stand_alone=False))


async def renew_password(database: Database, passwords: Passwords, facts: Facts, *, typed: SecretStr) -> None:
    """After a sign-in by the right password: hashes it anew where pepper or parameters have changed.

    Nobody's sign-in fails for it; the next one tries again.
    """
    known = password_of(facts.code)
    if known is None or not passwords.needs_renewal(known):
        return
    try:
        renewed = await passwords.hash(typed, is_one_time=known.is_one_time)
        async with database.transaction() as tx:
            await store.save_renewed(tx, facts.code, password=renewed)
    except (Unavailable, asyncpg.PostgresError, OSError) as fault:
        log.warning("a password's hash could not be renewed", extra={"fault": type(fault).__name__})
