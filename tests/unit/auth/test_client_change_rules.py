from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey
from pydantic import ValidationError

from libs.common.errors import DomainError, UnknownOrForeign
from services.auth.client import change_rules as rules
from services.auth.client.change_rules import ClientState, Registered
from services.auth.client.members import ChangedClient, ClientMembers, NewClient, read_changes
from services.auth.client.registration import MOST_SECRETS, ClientMembersInconsistent, require_sound
from services.auth.client.rules import Method
from services.auth.client.secrets import hash_secret
from tests.unit.auth.test_client_registration import BY_SECRET, DEPARTMENT, EC_JWK, PORTAL

KNOWN = Registered(DEPARTMENT, ClientState.ACTIVE, is_installed=True)
SEEN = rules.registration_hash(DEPARTMENT)
HASHES = [hash_secret(letter * 43) for letter in "abc"]
NEW = {"client_id": "pay", "kind": "department-system", "department": "cnesst", "name_fr": "P", "name_en": "P"}


def test_a_client_id_is_registered_once() -> None:
    rules.require_registrable(DEPARTMENT, known=None)
    with pytest.raises(rules.ClientIdTaken):
        rules.require_registrable(DEPARTMENT, known=KNOWN)


def test_a_client_may_be_registered_before_its_secret_is_made_and_is_not_sound_without() -> None:
    bare = replace(BY_SECRET, secret_hashes=())
    rules.require_registrable(bare, known=None)
    assert rules.needs_secret(bare)
    with pytest.raises(ClientMembersInconsistent):
        require_sound(bare)


def test_a_change_says_which_registration_it_was_decided_on() -> None:
    changed = rules.change(KNOWN, {"name_en": "Other"}, seen_hash=SEEN)
    assert changed == replace(DEPARTMENT, name_en="Other")
    with pytest.raises(rules.ClientNotAsSeen):
        rules.change(replace(KNOWN, client=changed), {"name_en": "Third"}, seen_hash=SEEN)
    with pytest.raises(rules.ClientUnchanged):
        rules.change(KNOWN, {"name_en": DEPARTMENT.name_en}, seen_hash=SEEN)


@pytest.mark.parametrize(
    "other",
    [
        replace(DEPARTMENT, redirect_uris=()),
        replace(DEPARTMENT, name_fr="Autre"),
        replace(DEPARTMENT, require_pkce=False),
        replace(DEPARTMENT, jwks=()),
        replace(DEPARTMENT, department="cnesst"),
    ],
    ids=["addresses", "name", "conduct", "keys", "owner"],
)
def test_every_member_is_in_the_hash_of_a_registration(other: Any) -> None:
    assert rules.registration_hash(other) != SEEN


def test_a_secret_is_in_the_hash_of_a_registration_by_its_id_alone() -> None:
    other = replace(BY_SECRET, secret_hashes=(HASHES[0],))
    assert rules.registration_hash(BY_SECRET) != rules.registration_hash(other)
    told = str(rules.members_of(other))
    assert HASHES[0].hex() not in told
    assert rules.secret_id(HASHES[0]) in told


def test_a_client_that_no_longer_shows_a_secret_keeps_none() -> None:
    known = replace(KNOWN, client=BY_SECRET)
    changes = {"token_endpoint_auth_method": Method.PRIVATE_KEY_JWT, "jwks": (EC_JWK,)}
    assert rules.change(known, changes, seen_hash=rules.registration_hash(BY_SECRET)).secret_hashes == ()


def test_evidence_of_a_change_has_keys_by_thumbprint() -> None:
    told = rules.difference(DEPARTMENT, replace(DEPARTMENT, jwks=()))
    assert told == {"jwks": {"was": [ECKey.import_key(EC_JWK).thumbprint()], "is": []}}


@given(st.lists(st.one_of(st.none(), st.integers(0, 5)), max_size=12))
def test_no_sequence_of_renewals_and_retirements_leaves_none_or_more_than_two_secrets(
    acts: list[int | None],
) -> None:
    client = replace(BY_SECRET, secret_hashes=(HASHES[0],))
    for turn, act in enumerate(acts):
        try:
            if act is None:
                client = rules.add_secret(client, hash_secret(f"{turn}" * 43))
            else:
                client = rules.retire_secret(client, rules.secret_id(client.secret_hashes[act % 2 - 1]))
        except DomainError as error:
            assert isinstance(error, rules.ClientSecretsAreTwo | rules.LastClientSecret)  # noqa: PT017 - either
        assert 0 < len(client.secret_hashes) <= MOST_SECRETS
        require_sound(client)


def test_a_secret_is_retired_by_its_id_whatever_the_order() -> None:
    client = replace(BY_SECRET, secret_hashes=(HASHES[0], HASHES[1]))
    for retired, kept in ((0, 1), (1, 0)):
        after = rules.retire_secret(client, rules.secret_id(HASHES[retired]))
        assert after.secret_hashes == (HASHES[kept],)
    with pytest.raises(rules.ClientSecretNotLive):
        rules.retire_secret(client, rules.secret_id(HASHES[2]))
    with pytest.raises(rules.ClientTakesNoSecret):
        rules.add_secret(DEPARTMENT, HASHES[0])


def test_a_client_is_disabled_and_enabled_in_turn() -> None:
    disabled = replace(KNOWN, state=rules.disable(KNOWN))
    assert rules.enable(disabled) is ClientState.ACTIVE
    with pytest.raises(rules.ClientDisabledAlready):
        rules.disable(disabled)
    with pytest.raises(rules.ClientNotDisabled):
        rules.enable(KNOWN)


def test_a_departments_client_is_its_own_and_the_providers_to_see() -> None:
    portal = replace(KNOWN, client=PORTAL)
    for registered, own in ((KNOWN, "revenu-quebec"), (KNOWN, "provider"), (portal, "provider")):
        rules.require_own_side(registered, side=own)
    foreign: list[tuple[Registered, str | None]] = [
        *((KNOWN, "cnesst"), (KNOWN, None), (portal, "revenu-quebec"), (portal, None)),
    ]
    for registered, side in foreign:
        with pytest.raises(UnknownOrForeign):
            rules.require_own_side(registered, side=side)


def test_content_reads_the_same_when_it_is_read_again_as_it_was_stored() -> None:
    new = NewClient.model_validate({**NEW, "jwks": [EC_JWK], "scopes": ["a", "b"]})
    assert NewClient.model_validate(new.model_dump(mode="json")) == new
    given = {"client_id": "pay", "registration_hash": SEEN, "changes": {"jwks": [EC_JWK], "jwks_uri": None}}
    changed = ChangedClient.model_validate(given)
    assert ChangedClient.model_validate(changed.model_dump(mode="json")) == changed
    assert read_changes(changed.changes) == {"jwks": (EC_JWK,), "jwks_uri": None}


def test_a_private_key_and_a_secret_have_no_place_in_a_registration() -> None:
    private = dict(ECKey.generate_key("P-256").as_dict(private=True))
    for changes in ({"jwks": [private]}, {"secret_hashes": [HASHES[0].hex()]}, {"client_secret": "x" * 43}):
        with pytest.raises(ValidationError):
            ClientMembers.model_validate(changes)


def test_every_refusal_about_a_client_has_both_languages() -> None:
    for refusal in (
        rules.ClientIdTaken(),
        rules.ClientNotAsSeen(),
        rules.ClientUnchanged(),
        rules.ClientDisabledAlready(),
        rules.ClientNotDisabled(),
        rules.ClientTakesNoSecret(),
        rules.ClientSecretsAreTwo(),
        rules.ClientSecretNotLive(),
        rules.LastClientSecret(),
    ):
        assert refusal.detail("fr") != refusal.detail("en")
