"""Passkeys: the ceremonies of WebAuthn Level 3 (§7.1, §7.2) with user verification and without attestation."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from libs.common.call import Call
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.ids import new_id
from services.auth.pages import origin_of
from services.auth.parts import Parts
from services.auth.second_factor import commands, rules, store
from services.auth.second_factor.rules import Enrolment, FactorKind, Owner, SecondFactor
from services.auth.user_code.passwords import Passwords

CHALLENGE_BYTES = 32
LONGEST_CREDENTIAL_ID = 1023
TIMEOUT_MILLISECONDS = int(rules.CHALLENGE_LIFE.total_seconds() * 1000)
# What the library raises on input that a stranger made.
REFUSED = (WebAuthnException, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)


@dataclass(frozen=True)
class RelyingParty:
    """Whom a passkey is for: the issuer's host, at exactly its origin."""

    id: str
    origin: str


class Asserted(Enum):
    PROVED = auto()
    WRONG = auto()
    CLONED = auto()


def relying_party(issuer: str) -> RelyingParty:
    return RelyingParty(urlsplit(issuer).hostname or "", origin_of(issuer))


def user_tag(passwords: Passwords, owner: Owner) -> bytes:
    """Names the owner to the authenticator, and tells nobody who it is (WebAuthn §14.6.1)."""
    return passwords.digest(f"passkey owner {owner.id}")


def asked_by(request_secret: str, *, about: object) -> bytes:
    """Whose challenge it is: of one page of one browser."""
    return hashlib.sha256(f"passkey {about} {request_secret}".encode()).digest()


async def begin_passkey(parts: Parts, call: Call, owner: Owner, *, name: str, shown_as: str) -> dict[str, Any]:
    """Options for `navigator.credentials.create`. Raises TooManySecondFactors."""
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    begun = Enrolment(
        owner_id=owner.id,
        factor_id=new_id(),
        kind=FactorKind.PASSKEY,
        name=name,
        expires_at=call.at + rules.CHALLENGE_LIFE,
        challenge=challenge,
    )
    async with parts.database.transaction() as tx:
        await commands.begin(tx, owner, begun)
        bound = await commands.list_factors(tx, owner)
    options = generate_registration_options(
        rp_id=relying_party(parts.settings.issuer).id,
        rp_name="clicSÉQUR",
        user_name=shown_as,
        user_id=user_tag(parts.passwords, owner),
        challenge=challenge,
        timeout=TIMEOUT_MILLISECONDS,
        exclude_credentials=_described(bound),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    return _plain(options_to_json(options))


async def confirm_passkey(
    tx: Connection, call: Call, owner: Owner, *, given: str, party: RelyingParty
) -> SecondFactor | None:
    """Binds a new credential; None when it is not right. Raises EnrolmentNotBegun, SecondFactorAlreadyBound.

    The challenge is used up either way, so nothing is raised that would undo it.
    """
    begun = await commands.take_enrolment(tx, call, owner, FactorKind.PASSKEY)
    try:
        _require_same_origin(given)
        made = verify_registration_response(
            credential=given,
            expected_challenge=begun.challenge or b"",
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except REFUSED:
        return None
    if len(made.credential_id) > LONGEST_CREDENTIAL_ID:
        return None
    factor = SecondFactor(
        id=begun.factor_id,
        owner=owner,
        kind=FactorKind.PASSKEY,
        name=begun.name,
        enrolled_at=call.at,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
    )
    await commands.bind(tx, call, factor)
    return factor


async def challenge_passkey(
    parts: Parts, call: Call, *, asked: bytes, owner: Owner | None = None
) -> dict[str, Any]:
    """Options for `navigator.credentials.get`; without an owner whatever passkey the authenticator finds."""
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    async with parts.database.transaction() as tx:
        await store.save_challenge(tx, asked, challenge=challenge, expires_at=call.at + rules.CHALLENGE_LIFE)
        bound = [] if owner is None else await commands.list_factors(tx, owner)
    options = generate_authentication_options(
        rp_id=relying_party(parts.settings.issuer).id,
        challenge=challenge,
        timeout=TIMEOUT_MILLISECONDS,
        allow_credentials=_described(bound),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _plain(options_to_json(options))


async def find_claimed(database: Database | Connection, given: str) -> SecondFactor | None:
    """The passkey that an assertion names; that it was made by it is not shown yet."""
    try:
        credential_id = base64url_to_bytes(json.loads(given)["id"])
    except REFUSED:
        return None
    return await store.find_by_credential(database, credential_id)


async def assert_passkey(  # noqa: PLR0913 - what it is checked against, each by name
    tx: Connection, call: Call, parts: Parts, factor: SecondFactor | None, *, given: str, asked: bytes
) -> Asserted:
    """Uses the challenge up, whatever comes of it, and keeps the counter of a passkey that proves its owner."""
    challenge = await store.take_challenge(tx, asked, at=call.at)
    if challenge is None or factor is None:
        return Asserted.WRONG
    party = relying_party(parts.settings.issuer)
    try:
        _require_same_origin(given)
        _require_tag(given, user_tag(parts.passwords, factor.owner))
        found = verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=factor.public_key or b"",
            # The counter is judged by our own rule, which knows what its going back means.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except REFUSED:
        return Asserted.WRONG
    if rules.is_cloned(factor, sign_count=found.new_sign_count):
        await _record_clone(tx, call, factor)
        return Asserted.CLONED
    is_counted = await store.save_sign_count(tx, factor, sign_count=found.new_sign_count)
    return Asserted.PROVED if is_counted else Asserted.WRONG


async def _record_clone(tx: Connection, call: Call, factor: SecondFactor) -> None:
    content = {"second_factor_id": str(factor.id), "known_count": factor.sign_count}
    await record_evidence(
        tx, call, "refuse_cloned_passkey", applicant_id=factor.owner.applicant_id, content=content
    )


def _require_same_origin(given: str) -> None:
    """No page of another origin holds ours in a frame (WebAuthn §7.1 step 10, §7.2 step 14)."""
    client = json.loads(base64url_to_bytes(json.loads(given)["response"]["clientDataJSON"]))
    if client.get("crossOrigin") or "topOrigin" in client:
        raise ValueError("made in another page's frame")


def _require_tag(given: str, expected: bytes) -> None:
    """WebAuthn §7.2 step 6: a handle that is there is the owner's."""
    tag = json.loads(given)["response"].get("userHandle")
    if tag and base64url_to_bytes(tag) != expected:
        raise ValueError("another owner's handle")


def _described(bound: list[SecondFactor]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=one.credential_id) for one in bound if one.credential_id is not None]


def _plain(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found
