"""A vendor's product does nothing for a person who has not allowed it, and nothing more once they withdraw."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.ids import new_id
from services.auth.app import SERVICE
from services.auth.client import store as client_store
from services.auth.client.rules import Client, ClientKind
from tests.integration.auth import parties
from tests.integration.auth.granting import OFFLINE, evidence_of
from tests.integration.auth.parties import Browser, Person, answer_of, new_browser, read_page, sessions_person
from tests.integration.auth.registered import BOOKS, Books, Signer, install
from tests.kit import Headers, Running

ALLOW, REFUSE = {"answer": "allow"}, {"answer": "refuse"}
MINE = "/v1/me/software"


async def signed_in(service: Running, platform: Platform) -> tuple[Person, Browser]:
    """In the portal; the product is registered."""
    await install(service, BOOKS)
    person = await sessions_person(service, platform)
    browser = new_browser(service)
    await parties.sign_in(browser, parties.client(service, platform), person)
    return person, browser


async def asked(browser: Browser, relying: Books, **changes: str | None) -> httpx.Response:
    page = await browser.get(relying.authorize(**changes))
    assert page.url.path == "/consent", page.text
    return page


async def allowed(browser: Browser, relying: Books, **changes: str | None) -> str:
    return relying.code(await relying.consented(browser, await asked(browser, relying, **changes)))


async def refresh(relying: Books, token: str) -> httpx.Response:
    assertion = Signer(relying.service, "books").assertion()
    return await relying.token(grant_type="refresh_token", refresh_token=token, client_assertion=assertion)


async def introspected(relying: Books, token: str) -> bool:
    form = {**Signer(relying.service, "books").form(), "token": token}
    return bool((await relying.service.public.post("/oauth/introspect", data=form)).json()["active"])


def as_person(service: Running, person: Person, **claims: Any) -> Headers:
    issued_at = int(now().timestamp()) + 2
    return service.tokens.person_in_charge(person.applicant_id, person.user_code_id, iat=issued_at, **claims)


async def write(service: Running, client: Client) -> None:
    """Whatever the rules of registration say."""
    async with service.database.transaction() as tx:
        await client_store.save(tx, client, at=now())


async def refusals(service: Running) -> list[str]:
    rows = await service.database.fetch(
        "SELECT reason FROM access_records WHERE action LIKE '% /consent' AND reason IS NOT NULL ORDER BY at, id"
    )
    return [row["reason"] for row in rows]


async def kept(service: Running) -> list[list[str]]:
    rows = await service.database.fetch("SELECT scope FROM software_consents ORDER BY applicant_id")
    return [row["scope"] for row in rows]


async def codes(service: Running) -> int:
    return len(await service.database.fetch("SELECT 1 FROM authorization_codes WHERE client_id = 'books'"))


async def test_the_page_names_product_and_vendor_says_what_is_asked_and_gives_no_code_before(
    auth: Running, platform: Platform
) -> None:
    _, browser = await signed_in(auth, platform)
    page = await asked(browser, Books(auth, platform), scope=OFFLINE)
    assert "Do you allow Books?" in page.text
    assert "The vendor, Vendor inc., is not part of the government" in page.text
    assert "Stay signed in until your session ends" in page.text
    assert await codes(auth) == 0
    french = await asked(browser, Books(auth, platform), ui_locales="fr")
    assert "Autorisez-vous Livres" in french.text
    assert "Rester en session" not in french.text


async def test_a_first_sign_in_ends_at_the_page_and_a_department_has_none(
    auth: Running, platform: Platform
) -> None:
    await install(auth, BOOKS)
    person = await sessions_person(auth, platform)
    browser = new_browser(auth)
    assert (await parties.sign_in(browser, Books(auth, platform), person)).url.path == "/consent"
    department = parties.client(auth, platform, parties.CLIC_REVENU)
    assert "code" in answer_of(await browser.get(department.authorize(prompt="consent")))


async def test_what_is_allowed_is_kept_with_evidence_and_asked_once(auth: Running, platform: Platform) -> None:
    person, browser = await signed_in(auth, platform)
    relying = Books(auth, platform)
    await allowed(browser, relying)
    assert "code" in answer_of(await browser.get(relying.authorize()))
    assert "code" in answer_of(await browser.get(relying.authorize(prompt="none")))
    (content,) = await evidence_of(auth, "allow_software")
    assert content == {
        "product": "clic-books",
        "client_id": "books",
        "name": "Books",
        "vendor": "Vendor inc.",
        "scope": ["openid"],
        "language": "en",
    }
    listed = await auth.public.get(MINE, headers={**as_person(auth, person), "accept-language": "fr"})
    (one,) = listed.json()["software"]
    assert (one["product"], one["name"], one["vendor"]) == ("clic-books", "Livres", "Vendor inc.")
    assert (one["applicant_id"], one["scope"]) == (str(person.applicant_id), ["openid"])


async def test_tokens_say_which_product_they_were_given_to(auth: Running, platform: Platform) -> None:
    _, browser = await signed_in(auth, platform)
    relying = Books(auth, platform)
    granted = (await relying.redeem_code(await allowed(browser, relying))).json()
    assert (await parties.claims_of(auth, granted["access_token"]))["software"] == "clic-books"
    portal = parties.client(auth, platform)
    own = (await portal.redeem(answer_of(await browser.get(portal.authorize()))["code"])).json()
    assert "software" not in await parties.claims_of(auth, own["access_token"])


async def test_a_wider_scope_is_asked_anew_and_what_was_allowed_before_stays(
    auth: Running, platform: Platform
) -> None:
    _, browser = await signed_in(auth, platform)
    relying = Books(auth, platform)
    await allowed(browser, relying)
    await allowed(browser, relying, scope=OFFLINE)
    assert await kept(auth) == [["offline_access", "openid"]]
    for scope in ("openid", OFFLINE):
        assert "code" in answer_of(await browser.get(relying.authorize(scope=scope)))


async def test_silence_is_answered_consent_required_and_prompt_consent_shows_the_page_again(
    auth: Running, platform: Platform
) -> None:
    _, browser = await signed_in(auth, platform)
    relying = Books(auth, platform)
    assert answer_of(await browser.get(relying.authorize(prompt="none")))["error"] == "consent_required"
    await allowed(browser, relying)
    silent = answer_of(await browser.get(relying.authorize(prompt="none", scope=OFFLINE)))
    assert silent["error"] == "consent_required"
    assert await allowed(browser, relying, prompt="consent")
    assert answer_of(await new_browser(auth).get(relying.authorize(prompt="none")))["error"] == "login_required"


async def test_prompt_consent_shows_the_page_after_a_fresh_sign_in_too(auth: Running, platform: Platform) -> None:
    person, browser = await signed_in(auth, platform)
    relying = Books(auth, platform)
    await allowed(browser, relying)
    page = await parties.sign_in(browser, relying, person, prompt="login consent")
    assert relying.code(await relying.consented(browser, page))


async def test_who_refuses_sends_the_client_access_denied_and_keeps_nothing(
    auth: Running, platform: Platform
) -> None:
    _, browser = await signed_in(auth, platform)
    relying = Books(auth, platform)
    page = await asked(browser, relying)
    cookies = dict(browser.http.cookies)
    told = answer_of(await browser.submit(REFUSE, page=page))
    assert (told["error"], told["state"], told["iss"]) == ("access_denied", "the-state", auth.settings.issuer)
    assert await kept(auth) == []
    assert await refusals(auth) == ["consent-refused"]
    # Also for who kept the cookies of then.
    browser.http.cookies.update(cookies)
    for answer in (ALLOW, REFUSE):
        again = await browser.submit(answer, page=page)
        assert (again.status_code, await kept(auth)) == (400, [])


async def test_what_is_allowed_to_one_vendor_is_not_to_the_next_and_ends_with_the_first(
    auth: Running, platform: Platform
) -> None:
    person, browser = await signed_in(auth, platform)
    relying = Books(auth, platform)
    granted = (await relying.redeem_code(await allowed(browser, relying, scope=OFFLINE))).json()
    unused = relying.code(await browser.get(relying.authorize()))
    await install(auth, replace(BOOKS, vendor="Other inc."))
    assert (await refresh(relying, granted["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await relying.redeem_code(unused)).json()["error"] == "invalid_grant"
    (listed,) = (await auth.public.get(MINE, headers=as_person(auth, person))).json()["software"]
    assert listed["vendor"] == "Vendor inc."
    assert answer_of(await browser.get(relying.authorize(prompt="none")))["error"] == "consent_required"
    page = await asked(browser, relying)
    assert "Other inc." in page.text
    await relying.consented(browser, page)
    assert await kept(auth) == [["openid"]], "a wider scope was the first vendor's"


@pytest.mark.parametrize(("vendors", "kept_vendor"), [(("A", "A"), "A"), (("A", "B"), None), ((None, "A"), None)])
async def test_a_consent_of_before_is_to_the_vendor_that_its_product_has(
    auth: Running, vendors: tuple[str | None, ...], kept_vendor: str | None
) -> None:
    for number, vendor in enumerate(vendors):
        await write(auth, replace(BOOKS, client_id=f"books-{number}", vendor=vendor))
    migration = (SERVICE.folder / "migrations" / "0027_vendors_of_consents.sql").read_text()
    (backfill,) = [part for part in migration.split(";") if part.strip().startswith("UPDATE")]
    await auth.database.execute(
        "INSERT INTO software_consents VALUES ($1, $2, 'clic-books', '{openid}', 'fr', now())", new_id(), new_id()
    )
    await auth.database.execute(backfill)
    row = await auth.database.fetchrow("SELECT vendor FROM software_consents")
    assert row is not None
    assert row["vendor"] == kept_vendor


async def test_who_refuses_once_more_keeps_what_was_allowed(auth: Running, platform: Platform) -> None:
    _, browser = await signed_in(auth, platform)
    relying = Books(auth, platform)
    await allowed(browser, relying)
    await browser.submit(REFUSE, page=await asked(browser, relying, prompt="consent"))
    assert "code" in answer_of(await browser.get(relying.authorize()))


async def test_an_answer_that_comes_more_than_once_at_once_leads_back_each_time_with_one_code_that_is_left(
    auth: Running, platform: Platform
) -> None:
    _, browser = await signed_in(auth, platform)
    page = read_page(await asked(browser, Books(auth, platform)))
    typed = {**page.fields, **ALLOW}
    answers = await asyncio.gather(*(browser.http.post("/consent", data=typed) for _ in range(4)))
    assert all("code" in answer_of(one) for one in answers)
    assert await codes(auth) == 1
    assert len(await kept(auth)) == 1


@pytest.mark.parametrize(
    "typed",
    [{"form_token": ""}, {"form_token": "x"}, {"told": ""}, {"told": "é"}, {"answer": ""}, {"answer": "yes"}],
)
async def test_an_answer_that_is_not_of_this_page_allows_nothing(
    auth: Running, platform: Platform, typed: dict[str, str]
) -> None:
    _, browser = await signed_in(auth, platform)
    page = await asked(browser, Books(auth, platform))
    answer = await browser.submit({**ALLOW, **typed}, page=page)
    assert answer.status_code in {400, 409}
    assert await kept(auth) == []


async def test_the_form_of_another_request_or_another_browser_allows_nothing(
    auth: Running, platform: Platform
) -> None:
    person, browser = await signed_in(auth, platform)
    relying = Books(auth, platform)
    older = await asked(browser, relying)
    await asked(browser, relying)
    assert (await browser.submit(ALLOW, page=older)).status_code == 400
    theirs = new_browser(auth)
    await parties.sign_in(theirs, relying, person)
    assert (await theirs.submit(ALLOW, page=older)).status_code == 400
    assert (await new_browser(auth).submit(ALLOW, page=older)).status_code == 400
    assert await kept(auth) == []


async def test_a_session_that_the_request_was_not_answered_by_is_not_asked(
    auth: Running, platform: Platform
) -> None:
    _, browser = await signed_in(auth, platform)
    page = await browser.get(Books(auth, platform).authorize(prompt="login"))
    assert page.url.path == "/sign-in"
    assert (await browser.get("/consent")).status_code == 400


@pytest.mark.parametrize(
    "changed",
    [
        replace(BOOKS, software="clic-ledger"),
        replace(BOOKS, name_en="Ledger"),
        replace(BOOKS, vendor="Another inc."),
    ],
)
async def test_a_page_whose_client_was_changed_meanwhile_is_shown_again(
    auth: Running, platform: Platform, changed: Client
) -> None:
    _, browser = await signed_in(auth, platform)
    relying = Books(auth, platform)
    page = await asked(browser, relying)
    await write(auth, changed)
    again = await browser.submit(ALLOW, page=page)
    assert (again.status_code, await kept(auth)) == (409, [])
    assert "has changed since the page was shown" in again.text
    assert await refusals(auth) == ["software-changed-meanwhile"]
    assert relying.code(await browser.submit(ALLOW, page=again))


@pytest.mark.parametrize(
    "changed",
    [
        replace(BOOKS, redirect_uris=("https://elsewhere.example/callback",)),
        replace(BOOKS, kind=ClientKind.PORTAL, software=None, vendor=None),
    ],
)
async def test_a_client_that_may_not_ask_this_any_more_is_given_nothing(
    auth: Running, platform: Platform, changed: Client
) -> None:
    _, browser = await signed_in(auth, platform)
    page = await asked(browser, Books(auth, platform))
    await write(auth, changed)
    for answer in (ALLOW, REFUSE):
        told = await browser.submit(answer, page=page)
        assert told.status_code == 400
    assert await kept(auth) == []


async def test_a_person_who_signed_in_meanwhile_does_not_answer_anothers_page(
    auth: Running, platform: Platform
) -> None:
    _, browser = await signed_in(auth, platform)
    other = await sessions_person(auth, platform)
    page = await asked(browser, Books(auth, platform))
    await browser.get("/sign-in")
    await browser.submit({"user_code": other.user_code, "password": other.password})
    answer = await browser.submit(ALLOW, page=page)
    assert (answer.status_code, await kept(auth)) == (409, [])


async def test_withdrawing_ends_what_the_product_was_given_and_nothing_else(
    auth: Running, platform: Platform
) -> None:
    person, browser = await signed_in(auth, platform)
    relying = Books(auth, platform)
    granted = (await relying.redeem_code(await allowed(browser, relying, scope=OFFLINE))).json()
    unused = relying.code(await browser.get(relying.authorize()))
    portal = parties.client(auth, platform)
    own = (await portal.redeem(answer_of(await browser.get(portal.authorize(scope=OFFLINE)))["code"])).json()
    assert await introspected(relying, granted["access_token"])
    for _ in range(2):
        gone = await auth.public.delete(f"{MINE}/clic-books", headers=as_person(auth, person))
        assert gone.status_code == 204
    assert not await introspected(relying, granted["access_token"])
    bearer = {"authorization": f"Bearer {granted['access_token']}"}
    assert (await auth.public.get("/oauth/userinfo", headers=bearer)).status_code == 401
    assert (await refresh(relying, granted["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await relying.redeem_code(unused)).json()["error"] == "invalid_grant"
    assert (await auth.public.get(MINE, headers=as_person(auth, person))).json() == {"software": []}
    assert answer_of(await browser.get(relying.authorize(prompt="none")))["error"] == "consent_required"
    still = await portal.token(grant_type="refresh_token", refresh_token=own["refresh_token"])
    assert still.status_code == 200
    (content,) = await evidence_of(auth, "withdraw_software")
    assert content == {"product": "clic-books", "ended_grants": 1}


async def test_nobody_withdraws_for_another_person(auth: Running, platform: Platform) -> None:
    _, browser = await signed_in(auth, platform)
    stranger = await sessions_person(auth, platform)
    relying = Books(auth, platform)
    granted = (await relying.redeem_code(await allowed(browser, relying, scope=OFFLINE))).json()
    headers = as_person(auth, stranger)
    assert (await auth.public.delete(f"{MINE}/clic-books", headers=headers)).status_code == 204
    assert (await auth.public.get(MINE, headers=headers)).json() == {"software": []}
    assert (await refresh(relying, granted["refresh_token"])).status_code == 200
    for other in (auth.tokens.agent("support"), auth.tokens.department("revenu-quebec")):
        assert (await auth.public.delete(f"{MINE}/clic-books", headers=other)).status_code == 403
    assert (await auth.public.delete(f"{MINE}/clic-books")).status_code == 401
    odd = await auth.public.delete(f"{MINE}/{'x' * 65}", headers=headers)
    assert odd.status_code == 422


async def test_codes_given_while_somebody_withdraws_give_nothing_afterwards(
    auth: Running, platform: Platform
) -> None:
    person, browser = await signed_in(auth, platform)
    relying = Books(auth, platform)
    await relying.redeem_code(await allowed(browser, relying, scope=OFFLINE))
    headers = as_person(auth, person)

    async def redeem() -> httpx.Response | None:
        answer = answer_of(await browser.get(relying.authorize(prompt="none", scope=OFFLINE)))
        return await relying.redeem_code(answer["code"]) if "code" in answer else None

    found = await asyncio.gather(
        redeem(), auth.public.delete(f"{MINE}/clic-books", headers=headers), redeem(), redeem()
    )
    for one in found:
        if isinstance(one, httpx.Response) and one.status_code == httpx.codes.OK:
            assert (await refresh(relying, one.json()["refresh_token"])).json()["error"] == "invalid_grant"
    living = "SELECT id FROM token_grants WHERE client_id = 'books' AND revoked_at IS NULL"
    assert await auth.database.fetch(living) == []


async def test_what_is_allowed_for_one_applicant_is_not_for_another(auth: Running, platform: Platform) -> None:
    _, browser = await signed_in(auth, platform)
    relying = Books(auth, platform)
    await allowed(browser, relying)
    await _move_consent(auth)
    assert (await browser.get(relying.authorize())).url.path == "/consent"


async def _move_consent(service: Running) -> None:
    row = await service.database.fetchrow("SELECT * FROM software_consents")
    assert row is not None
    await service.database.execute("DELETE FROM software_consents")
    await service.database.execute(
        "INSERT INTO software_consents VALUES ($1, $2, $3, $4, $5, $6, $7)",
        row["user_code_id"],
        new_id(),
        *(row[name] for name in ("product", "scope", "language", "given_at", "vendor")),
    )
