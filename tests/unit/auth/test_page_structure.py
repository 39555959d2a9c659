"""What each page is made of, for whoever does not see it, has no script or is in a hurry (WCAG 2.2)."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest

from services.auth.pages import FOLDER, LANGUAGES, PLACE_OF_TEMPLATE, Pages, Support

PAGES = Pages(Support("1 800 555-0100", {"fr": "de 8 h à 17 h", "en": "8 to 5"}))
WAY_BACK = {"client": "Clic Revenu", "cancel_token": "c"}
COMMON = {
    **WAY_BACK,
    "form_token": "t",
    "correlation_id": "1",
    "address": "a…@example.org",
    "fewest": 15,
    "user_code": "A",
}
HOME = "https://example.org/"
ID = "01a22235-d81a-744c-ac12-ba7f164e7f2e"
CONDITIONS = {"version": "2", "posted_on": "1", "address": "https://example.org/2"}
FACTORS = [(ID, "telephone", "Passkey", "1 May 2026")]
FIRST_USE = {
    "is_agent": False,
    "is_first_use": True,
    "reason": "first-use",
    "conditions_address": "https://example.org/",
}
PASSKEY_CODE = {
    "offered": {"passkey"},
    "asks_code": False,
    "asks_recovery": False,
    "is_sent": False,
    "has_recovery": True,
}
CODE = {
    **PASSKEY_CODE,
    "offered": {"totp", "email", "passkey"},
    "asks_code": True,
    "retry_after": 0,
}
FACTORS_PAGE = {
    "has_password": True, "has_strong": True, "are_few": True, "left": 1, "factors": FACTORS, "is_agent": False,
    "name_length": 40,
}  # fmt: skip
FAULTS = (
    "facts-too-old",
    "sign-in-first",
    "sign-in-again",
    "start-again",
    "signed-in-already",
    "no-such-page",
    "failed",
    "request-not-understood",
)
OFFERED = [SimpleNamespace(id=ID, name="Boulangerie", number="1", ends_on="1 May 2026")]
CHOICE = {"own": "own", "offered": OFFERED, "current": None, "is_known": False}
CHANGED = {"now": CONDITIONS, "has_changed_meanwhile": True}
CONSENT = {
    "product": "P", "vendor": "V", "has_changed_meanwhile": True, "represents": False, "stays": True, "told": "x",
}  # fmt: skip
SIGN_IN = {"retry_after": 90, "is_recourse": True}
BY_ROLE = ("person_in_charge", "user")
SHOWN: list[tuple[str, dict[str, Any]]] = [
    *(("error.html", {"fault": fault, "again": "/sign-in", "home": None}) for fault in FAULTS),
    ("error.html", {"fault": "signed-in-already", "again": None, "home": HOME}),
    *(("lost.html", {"has_request": one}) for one in (True, False)),
    *(("sign_in.html", {**SIGN_IN, "fault": one}) for one in (None, "refused", "wait")),
    *(("change_password.html", {**FIRST_USE, "role": role, "fault": "x"}) for role in BY_ROLE),
    ("change_password.html", {**FIRST_USE, "is_first_use": False, "role": "user", "fault": None}),
    *(("choose_applicant.html", {**CHOICE, "is_refused": one}) for one in (True, False)),
    *(("conditions.html", {**CHANGED, "before": one}) for one in (None, CONDITIONS)),
    ("consent.html", CONSENT),
    *(("one_time_code.html", {**CODE, "fault": one}) for one in (None, "refused", "wait", "ended", "no mail")),
    ("one_time_code.html", {**CODE, "fault": "refused", "asks_recovery": True}),
    ("one_time_code.html", {**PASSKEY_CODE, "fault": "refused", "retry_after": 0}),
    *(("second_factors.html", {**FACTORS_PAGE, "fault": one}) for one in (None, "x")),
    *(("enrol_totp.html", {"fault": one, "picture": "<svg></svg>", "secret": "AAAA"}) for one in (None, "x")),
    *(("enrol_email.html", {"fault": one}) for one in (None, "x")),
    *(("password.html", {"fault": "x", "has_password": one, "has_passkey": True}) for one in (True, False)),
    *(("password_changed.html", {"what": one}) for one in ("chosen", "given-up")),
    ("recovery_codes.html", {"codes": ["AAAA"]}),
    *(("registration_state.html", {"state": one, "recourse_address": "/x"}) for one in ("suspended", "cancelled")),
    ("sign_out.html", {"carried": [("state", "s")]}),
    *(("signed_out.html", {"has_ended": one, "home": home}) for one in (True, False) for home in (None, HOME)),
    ("slip.html", {"one_time_password": "B", "good_until": "2026-05-01", "good_until_said": "1 May 2026"}),
]  # fmt: skip
PARTS = {"base.html", "cancel.html", "passkey_parts.html", "support.html", "waiting.html"}
TYPED = {"text", "password", "radio"}


@dataclass
class Seen(HTMLParser):
    """The elements of a page in their order, with the form that each stands in."""

    elements: list[tuple[str, dict[str, str], int]] = field(default_factory=list)
    title: str = ""
    text: str = ""
    _open: list[str] = field(default_factory=list)
    _forms: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._forms += tag == "form"
        self._open.append(tag)
        form = self._forms if "form" in self._open else 0
        self.elements.append((tag, {name: value or "" for name, value in attrs}, form))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            del self._open[len(self._open) - 1 - self._open[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open and self._open[-1] == "title":
            self.title += data

    def all(self, *tags: str) -> list[tuple[dict[str, str], int]]:
        return [(attributes, form) for tag, attributes, form in self.elements if tag in tags]


def seen(template: str, shown: dict[str, Any], language: str) -> Seen:
    answer = PAGES.answer(template, language=language, form_leads_to=None, **{**COMMON, **shown})
    page = Seen()
    page.feed(bytes(answer.body).decode())
    return page


@pytest.fixture(params=[(*one, language) for one in SHOWN for language in LANGUAGES])
def page(request: pytest.FixtureRequest) -> Seen:
    return seen(*request.param)


@pytest.mark.parametrize(("template", "language"), [(one, language) for one, _ in SHOWN for language in LANGUAGES])
def test_a_page_that_can_be_loaded_again_offers_the_other_language(template: str, language: str) -> None:
    shown = next(values for name, values in SHOWN if name == template)
    links = [link for link, _ in seen(template, shown, language).all("a") if "hreflang" in link]
    place, other = PLACE_OF_TEMPLATE.get(template), "en" if language == "fr" else "fr"
    expected = [] if place is None else [(f"/language?language={other}&place={place}", other, other)]
    assert [(link["href"], link["lang"], link["hreflang"]) for link in links] == expected


def test_every_page_is_looked_at() -> None:
    pages = {template.name for template in (FOLDER / "templates").glob("*.html")}
    assert pages - PARTS == {template for template, _ in SHOWN}


def test_it_names_its_language_has_one_heading_and_a_title_that_says_a_fault_first(page: Seen) -> None:
    [(html, _)] = page.all("html")
    assert html["lang"] in LANGUAGES
    assert len(page.all("h1")) == 1
    *said, name = page.title.split(" \u2013 ")
    is_faulty = any(one.get("id") == "fault" for one, _ in page.all("div"))
    assert said[0] in {"Erreur", "Error"} or not is_faulty
    assert said[-1] not in {"", "Erreur", "Error"}
    assert name == "clicSÉQUR"


def test_what_was_wrong_is_given_the_focus_so_it_is_read_and_scrolled_to(page: Seen) -> None:
    alerts = [one for one, _ in page.all("div") if one.get("role") == "alert" and "hidden" not in one]
    assert all("autofocus" in one and one["tabindex"] == "-1" for one in alerts)
    assert len([one for _, one, _ in page.elements if "autofocus" in one]) == len(alerts) <= 1


def test_whatever_points_at_something_of_the_page_finds_it_and_ids_are_given_once(page: Seen) -> None:
    ids = [one["id"] for _, one, _ in page.elements if "id" in one]
    assert len(ids) == len(set(ids))
    pointed = {
        target
        for _, one, _ in page.elements
        for name in ("for", "aria-describedby", "aria-labelledby")
        for target in one.get(name, "").split()
    }
    assert pointed - set(ids) == set()


def test_each_field_has_a_label_and_says_what_may_fill_it_in(page: Seen) -> None:
    labelled = {one["for"] for one, _ in page.all("label")}
    fields = [one for one, _ in page.all("input") if one.get("type") in TYPED]
    assert {one["id"] for one in fields} == labelled
    assert all(one["type"] == "radio" or one["autocomplete"] for one in fields)
    passwords = {one["autocomplete"] for one in fields if one["type"] == "password"}
    assert not passwords or "username" in {one.get("autocomplete") for one in fields}


def test_a_field_at_fault_is_described_by_what_was_wrong(page: Seen) -> None:
    invalid = [one for one, _ in page.all("input") if one.get("aria-invalid") == "true"]
    assert all("fault" in one["aria-describedby"].split() for one in invalid)


def test_buttons_are_in_their_form_and_each_form_brings_its_token_back(page: Seen) -> None:
    assert all(form and one.get("type") == "submit" for one, form in page.all("button"))
    tokens = [form for one, form in page.all("input") if one.get("name") == "form_token"]
    # With a token it would do what the page asks about.
    only_of_language = {form for one, form in page.all("button") if one.get("name") == "language"}
    assert sorted(tokens) == [form for _, form in page.all("form") if form not in only_of_language]


def test_nothing_of_it_needs_a_style_or_a_script_that_the_policy_refuses(page: Seen) -> None:
    assert page.all("style") == []
    assert all(one["src"].startswith("/assets/") for one, _ in page.all("script"))
    assert not any("style" in one or any(name.startswith("on") for name in one) for _, one, _ in page.elements)
