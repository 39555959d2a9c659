"""The words of the pages, in both languages."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from services.auth.pages import FOLDER, LANGUAGES
from tests.generated import error_classes
from tests.unit.auth.test_page_structure import SIGN_IN, seen

KEYWORDS = ("_", "gettext", "ngettext")
OPTIONS = {"trimmed": "false", "newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
CATALOGUE = FOLDER / "locale" / "fr" / "LC_MESSAGES" / "messages.po"
# Office québécois de la langue française: a colon and guillemets keep their space, ; ! ? stand without one.
AGAINST_TYPOGRAPHY = re.compile(r" [:»]|« |[ \u00a0][;!?]")
ONE_GENDER = re.compile(r"\bvous seul\b|\b[Uu]n (autre )?responsable\b")


def said(template: Path) -> set[str]:
    with template.open("rb") as source:
        found = babel_extract(source, KEYWORDS, (), OPTIONS)
        return {str(one if isinstance(one, str) else (one or ("",))[0]) for _, _, one, _ in found}


def catalogue() -> list[Message]:
    with CATALOGUE.open("rb") as source:
        return [message for message in read_po(source, locale="fr") if message.id]


def strings_of(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def id_of(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def test_whatever_a_page_says_is_said_in_french_too_and_nothing_else_is_kept() -> None:
    spoken = set[str]().union(*(said(template) for template in (FOLDER / "templates").iterdir()))
    translated = {id_of(message) for message in catalogue() if all(strings_of(message))}
    assert spoken - translated == set()
    assert translated - spoken == set()


@pytest.mark.parametrize("fault", [AGAINST_TYPOGRAPHY, ONE_GENDER])
def test_french_is_written_as_in_quebec_and_speaks_to_everybody(fault: re.Pattern[str]) -> None:
    written = [text for message in catalogue() for text in strings_of(message)]
    assert [text for text in written if fault.search(text)] == []


@pytest.mark.parametrize("code", ["second-factor-not-proved", "password-guessable"])
def test_so_is_an_error_that_pages_show(code: str) -> None:
    [shown] = {leaf.fr for leaf in error_classes() if leaf.code == code}
    assert not AGAINST_TYPOGRAPHY.search(shown)


@pytest.mark.parametrize(
    ("seconds", "french", "english"),
    [
        (1, "Attendez 1 seconde,", "Wait 1 second,"),
        (59, "Attendez 59 secondes,", "Wait 59 seconds,"),
        (60, "Attendez 1 minute,", "Wait 1 minute,"),
        (61, "Attendez 2 minutes,", "Wait 2 minutes,"),
        (900, "Attendez 15 minutes,", "Wait 15 minutes,"),
    ],
)
def test_how_long_to_wait_is_said_as_people_count_it(seconds: int, french: str, english: str) -> None:
    for language, said_so in zip(LANGUAGES, (french, english), strict=True):
        page = seen("sign_in.html", {**SIGN_IN, "fault": "wait", "retry_after": seconds}, language)
        assert said_so in " ".join(page.text.split())
