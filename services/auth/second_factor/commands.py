from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import pyotp

from libs.common.call import Call
from libs.common.contracts.auth import SecondFactorEnrolled, SecondFactorRemoved
from libs.common.contracts.envelope import agent_key, applicant_key
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.ids import new_id
from libs.common.outbox import publish
from services.auth.agent_account.rules import STEP_SECONDS, find_step, new_totp_secret
from services.auth.key_files import SymmetricKey, seal, unseal
from services.auth.second_factor import rules, store
from services.auth.second_factor.rules import Enrolment, FactorKind, Owner, SecondFactor

SERVICE = "auth"
BOUND_KINDS: dict[FactorKind, Literal["totp", "passkey", "email"]] = {
    FactorKind.TOTP: "totp",
    FactorKind.PASSKEY: "passkey",
    FactorKind.EMAIL: "email",
}


def key_of(owner: Owner) -> str:
    return agent_key(owner.id) if owner.applicant_id is None else applicant_key(owner.applicant_id)


def named(owner: Owner) -> dict[str, Any]:
    """How an event names the owner."""
    return {
        "applicant_id": owner.applicant_id,
        "user_code_id": owner.user_code_id,
        "agent_id": owner.agent_id,
    }


async def list_factors(database: Database | Connection, owner: Owner) -> list[SecondFactor]:
    return await store.list_of_owner(database, owner.id)


async def list_kinds(database: Database | Connection, owner: Owner | None) -> frozenset[FactorKind]:
    if owner is None:
        return frozenset()
    return frozenset(factor.kind for factor in await store.list_of_owner(database, owner.id))


async def is_still_bound(tx: Connection, factor_id: UUID) -> bool:
    """Whoever removes it waits for the end of this."""
    return await store.is_kept(tx, factor_id)


async def begin_totp(tx: Connection, call: Call, owner: Owner, *, name: str, sealing_key: SymmetricKey) -> None:
    """A new secret, good for nothing until one of its codes was given. Raises TooManySecondFactors."""
    factor_id = new_id()
    sealed = seal(sealing_key, new_totp_secret().encode(), about=_about(factor_id))
    begun = Enrolment(
        owner_id=owner.id,
        factor_id=factor_id,
        kind=FactorKind.TOTP,
        name=name,
        expires_at=call.at + rules.ENROLMENT_LIFE,
        sealed_secret=sealed,
        sealing_key_id=sealing_key.id,
    )
    await begin(tx, owner, begun)


async def begin(tx: Connection, owner: Owner, begun: Enrolment) -> None:
    """Raises TooManySecondFactors."""
    rules.require_place([factor.kind for factor in await store.list_of_owner(tx, owner.id)])
    await store.save_enrolment(tx, begun)


async def find_enrolment(database: Database, call: Call, owner: Owner, kind: FactorKind) -> Enrolment:
    """Raises EnrolmentNotBegun."""
    found = await store.find_enrolment(database, owner.id, kind, at=call.at)
    if found is None:
        raise rules.EnrolmentNotBegun
    return found


async def take_enrolment(tx: Connection, call: Call, owner: Owner, kind: FactorKind) -> Enrolment:
    """Whoever takes it serialises what this owner binds. Raises EnrolmentNotBegun."""
    found = await store.take_enrolment(tx, owner.id, kind, at=call.at)
    if found is None:
        raise rules.EnrolmentNotBegun
    return found


def secret_of(enrolment: Enrolment, sealing_key: SymmetricKey) -> str:
    return unseal(sealing_key, enrolment.sealed_secret or b"", about=_about(enrolment.factor_id)).decode()


def provisioning_address(secret: str, *, shown_as: str) -> str:
    """What an application reads from the picture (otpauth, as authenticator applications know it)."""
    return pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=shown_as, issuer_name="clicSÉQUR")


async def confirm_totp(
    tx: Connection, call: Call, owner: Owner, *, typed: str, sealing_key: SymmetricKey
) -> SecondFactor:
    """Binds the secret that was begun. Raises EnrolmentNotBegun, SecondFactorNotProved."""
    begun = await take_enrolment(tx, call, owner, FactorKind.TOTP)
    step = find_step(secret_of(begun, sealing_key), typed, last_step=0, at=call.at)
    if step is None:
        raise rules.SecondFactorNotProved
    factor = SecondFactor(
        id=begun.factor_id,
        owner=owner,
        kind=FactorKind.TOTP,
        name=begun.name,
        enrolled_at=call.at,
        sealed_secret=begun.sealed_secret,
        sealing_key_id=begun.sealing_key_id,
        last_step=step,
    )
    await bind(tx, call, factor)
    return factor


async def bind(tx: Connection, call: Call, factor: SecondFactor) -> None:
    """Raises SecondFactorAlreadyBound, TooManySecondFactors."""
    owner = factor.owner
    rules.require_place([one.kind for one in await store.list_of_owner(tx, owner.id)])
    if not await store.add(tx, factor):
        raise rules.SecondFactorAlreadyBound
    enrolled = SecondFactorEnrolled(second_factor_id=factor.id, kind=BOUND_KINDS[factor.kind], **named(owner))
    await publish(tx, call, enrolled, service=SERVICE, partitionkey=key_of(owner))
    content = {"second_factor_id": str(factor.id), "kind": factor.kind.value}
    await record_evidence(tx, call, "enrol_second_factor", applicant_id=owner.applicant_id, content=content)


async def use_totp(tx: Connection, call: Call, owner: Owner, *, typed: str, sealing_key: SymmetricKey) -> bool:
    """Whether a typed code is right now for one of the owner's secrets; it works once (RFC 6238 §5.2)."""
    for factor in await store.list_of_owner_for_update(tx, owner.id):
        if factor.kind is not FactorKind.TOTP:
            continue
        secret = unseal(sealing_key, factor.sealed_secret or b"", about=_about(factor.id)).decode()
        step = find_step(secret, typed, last_step=factor.last_step, at=call.at)
        if step is not None and await store.use_step(tx, factor.id, step=step):
            return True
    return False


async def remove_factor(tx: Connection, call: Call, owner: Owner, factor_id: UUID) -> None:
    """Recovery codes stand in for a strong factor and go with the last one. Raises UnknownSecondFactor."""
    kind = await store.remove(tx, owner.id, factor_id)
    if kind is None:
        raise rules.UnknownSecondFactor
    await _tell_removed(tx, call, owner, factor_id, kind=kind, reason="by-owner")
    if not rules.STRONG & await list_kinds(tx, owner):
        await store.remove_recovery_codes(tx, owner.id)


async def remove_all_factors(tx: Connection, call: Call, owner: Owner) -> None:
    """What was lost proves nobody any more; the caller decides who may ask for it, and ends the sessions."""
    for factor_id, kind in await store.remove_all(tx, owner.id):
        await _tell_removed(tx, call, owner, factor_id, kind=kind, reason="reset")
    await store.remove_recovery_codes(tx, owner.id)


async def _tell_removed(  # noqa: PLR0913 - what is told, each by name
    tx: Connection,
    call: Call,
    owner: Owner,
    factor_id: UUID,
    *,
    kind: FactorKind,
    reason: Literal["by-owner", "reset"],
) -> None:
    removed = SecondFactorRemoved(
        second_factor_id=factor_id, kind=BOUND_KINDS[kind], reason=reason, **named(owner)
    )
    await publish(tx, call, removed, service=SERVICE, partitionkey=key_of(owner))
    content = {"second_factor_id": str(factor_id), "kind": kind.value, "reason": reason}
    await record_evidence(tx, call, "remove_second_factor", applicant_id=owner.applicant_id, content=content)


async def forget_old(tx: Connection, *, at: datetime) -> int:
    return await store.forget_old(tx, at=at, mails_before=at - rules.SENDINGS_COUNTED)


def _about(factor_id: UUID) -> str:
    return f"second factor {factor_id}"
