"""What a notification is made of: whom it goes to, and its words in each language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Addressees(StrEnum):
    """`PEERS`: every person in charge but the one whom it is about."""

    PERSONS_IN_CHARGE = "persons-in-charge"
    PEERS = "peers"
    PERSON = "person"
    PERSON_AND_PEERS = "person-and-peers"


@dataclass(frozen=True, slots=True)
class Text:
    """`{…}` name fields of the event, and `{at}` when it happened."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Notification:
    addressees: Addressees
    texts: Mapping[str, Text]


def both(addressees: Addressees, *, fr: Text, en: Text) -> Notification:
    return Notification(addressees, {"fr": fr, "en": en})


# Several where people are told different things; none where another event already tells.
Choose = Callable[[Any], tuple[Notification, ...]]


def always(*notifications: Notification) -> Choose:
    return lambda _event: notifications
