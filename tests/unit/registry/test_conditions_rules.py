from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.registry.conditions.rules import (
    ConditionsAlreadyPosted,
    ConditionsIncomplete,
    Text,
    Version,
    event_key,
    is_repetition,
    require_both_languages,
)

TEXTS = {"fr": Text("Le texte.", is_official=False), "en": Text("The text.", is_official=True)}
POSTED = Version("clicsequr", "1", datetime(2011, 11, 1, tzinfo=UTC), TEXTS)


def test_the_same_version_posted_again_changes_nothing() -> None:
    assert is_repetition(replace(POSTED), POSTED)
    assert not is_repetition(None, POSTED)


def test_a_version_never_stands_for_another_text() -> None:
    other = replace(POSTED, texts={**TEXTS, "en": Text("Another text.", is_official=True)})
    with pytest.raises(ConditionsAlreadyPosted):
        is_repetition(POSTED, other)


@pytest.mark.parametrize("texts", [{"fr": TEXTS["fr"]}, {**TEXTS, "en": Text(" \n", is_official=True)}])
def test_conditions_are_posted_in_both_languages(texts: dict[str, Text]) -> None:
    with pytest.raises(ConditionsIncomplete):
        require_both_languages(replace(POSTED, texts=texts))


def test_the_suite_s_own_conditions_are_keyed_provider_and_others_by_their_department() -> None:
    assert event_key("clicsequr") == "provider"
    assert event_key("cnesst") == "department:cnesst"
