"""What was published stays readable: one golden event per type and version, kept for ever."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from libs.common.contracts.envelope import Envelope, Event
from tests.generated import event_classes

GOLDEN = Path(__file__).parent / "golden"
CLASSES = event_classes()


def golden(event: type[Event]) -> Path:
    return GOLDEN / event.__module__.rpartition(".")[2] / f"{event.type}.json"


@pytest.mark.parametrize("event", CLASSES, ids=lambda event: f"{event.__module__}.{event.__name__}")
def test_every_event_has_a_golden_that_still_parses(event: type[Event]) -> None:
    envelope = Envelope.model_validate_json(golden(event).read_text())
    assert envelope.type == event.type
    parsed = event.model_validate(envelope.data)
    assert parsed.model_dump(mode="json") == envelope.data


@pytest.mark.parametrize("event", CLASSES, ids=lambda event: f"{event.__module__}.{event.__name__}")
def test_every_event_says_what_happened_and_ignores_what_a_later_version_adds(event: type[Event]) -> None:
    assert event.__doc__, "the docstring says what happened, who reacts, what it never contains"
    contained = json.loads(golden(event).read_text())["data"]
    assert event.model_validate({**contained, "added_later": 1}) == event.model_validate(contained)


def test_no_golden_is_without_its_event() -> None:
    assert {path.relative_to(GOLDEN) for path in GOLDEN.rglob("*.json")} == {
        golden(event).relative_to(GOLDEN) for event in CLASSES
    }


@pytest.mark.parametrize(
    "change",
    [{"specversion": "0.3"}, {"sequence": "7"}, {"partitionkey": ""}, {"time": "yesterday"}, {"data": None}],
)
def test_an_envelope_that_breaks_cloudevents_is_refused(change: dict[str, object]) -> None:
    members = json.loads(golden(CLASSES[0]).read_text())
    with pytest.raises(ValidationError):
        Envelope.model_validate({**members, **change})


def test_a_notice_never_says_who_acted_nor_under_which_call() -> None:
    for path in (GOLDEN / "notices").glob("*.json"):
        assert not {"actor", "correlationid", "causationid"} & set(json.loads(path.read_text()))
