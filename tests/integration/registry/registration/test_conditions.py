from pathlib import Path

import pytest

from libs.common.call import Call
from libs.common.clock import now
from libs.common.errors import DomainError
from libs.common.ids import new_id
from services.registry.app import install as install_operation
from services.registry.conditions.rules import ConditionsAlreadyPosted
from services.registry.installation import InstallationFault, install_from, read_installation
from tests.integration.registry.registration.world import LOCAL, VERSION, install
from tests.kit import Running

SEED = "Conditions for use of clicSÉQUR and the services offered"
PART = """
conditions:
  - {{owner: clicsequr, version: {version}, posted_at: {posted_at}, texts: {{fr: fr.txt, en: en.txt}}}}
"""


async def post(service: Running, folder: Path, *, version: str, posted_at: str, text: str = "A text.") -> None:
    (folder / "fr.txt").write_text("Un texte.")
    (folder / "en.txt").write_text(text)
    path = folder / "installation.yaml"
    path.write_text(PART.format(version=version, posted_at=posted_at))
    call = Call(actor="operator", at=now(), correlation_id=new_id())
    await install_from(
        service.database,
        call,
        read_installation(path),
        folder=folder,
        public_url=service.settings.public_url,
    )


async def test_the_current_conditions_are_public_in_both_languages(registry: Running) -> None:
    english = (await registry.public.get("/v1/conditions/clicsequr/current?language=en")).json()
    assert english["version"] == VERSION
    assert english["is_official"]
    assert english["text"].startswith(SEED)
    french = (await registry.public.get("/v1/conditions/clicsequr/current")).json()
    assert french["language"] == "fr"
    assert not french["is_official"]
    assert french["text"].startswith("Traduction non officielle")


def test_the_english_text_is_the_source_and_the_french_one_leaves_no_paragraph_out() -> None:
    english = (LOCAL / "conditions" / "clicsequr.en.txt").read_text(encoding="utf-8").split("\n\n")
    notice, *french = (LOCAL / "conditions" / "clicsequr.fr.txt").read_text(encoding="utf-8").split("\n\n")
    assert notice.startswith("Traduction non officielle")
    assert len(french) == len(english)
    assert [text.lstrip().startswith("•") for text in french] == [
        text.lstrip().startswith("•") for text in english
    ]


async def test_a_version_has_a_permanent_address_per_language(registry: Running) -> None:
    current = (await registry.public.get("/v1/conditions/clicsequr/current?language=fr")).json()
    answer = await registry.public.get(current["url"])
    assert answer.text == current["text"]
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Language"] == "fr"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "path", ["cnesst/current", "clicsequr/2001-1/fr", "clicsequr/..%2f/fr", f"clicsequr/{VERSION}/de"]
)
async def test_what_was_not_posted_is_not_there(registry: Running, path: str) -> None:
    assert (await registry.public.get(f"/v1/conditions/{path}")).status_code in {404, 422}


@pytest.mark.usefixtures("platform_with_kafka")
async def test_installing_twice_changes_nothing(registry: Running) -> None:
    before = await registry.events(), await evidence_count(registry)
    path = LOCAL / "installation.yaml"
    await install_operation(registry.resources, [str(path)])
    assert (await registry.events(), await evidence_count(registry)) == before
    posted = [facts for name, facts in await registry.events() if name == "conditions-posted"]
    assert [(facts["owner"], facts["version"]) for facts in posted] == [("clicsequr", VERSION)]
    assert posted[0]["url"]["en"].endswith(f"/v1/conditions/clicsequr/{VERSION}/en")
    rows = await registry.database.fetch("SELECT partitionkey FROM outbox WHERE type LIKE '%conditions-posted%'")
    assert [row["partitionkey"] for row in rows] == ["provider"]


async def test_the_same_version_with_another_text_is_refused(registry: Running, tmp_path: Path) -> None:
    await post(registry, tmp_path, version="2026-1", posted_at="2026-01-05T05:00:00Z")
    with pytest.raises(ConditionsAlreadyPosted):
        await post(registry, tmp_path, version="2026-1", posted_at="2026-01-05T05:00:00Z", text="Another.")


async def test_a_version_applies_from_its_posting(registry: Running, tmp_path: Path) -> None:
    await post(registry, tmp_path, version="2026-1", posted_at="2026-01-05T05:00:00Z")
    await post(registry, tmp_path, version="2999-1", posted_at="2999-01-05T05:00:00Z")
    current = (await registry.public.get("/v1/conditions/clicsequr/current?language=en")).json()
    assert current["version"] == "2026-1"


@pytest.mark.parametrize(
    "content",
    [
        "conditions: [",
        "conditions: 3",
        "[]",
        "conditions: [{owner: clicsequr, version: a b, posted_at: 2026-01-05T05:00:00Z, texts: {fr: a, en: b}}]",
        "conditions: [{owner: x, version: '1', posted_at: 2026-01-05T05:00:00Z, texts: {fr: a, en: b}, more: 1}]",
        "conditions: [{owner: x, version: '1', posted_at: 2026-01-05T05:00:00Z, texts: {fr: no.txt, en: no.txt}}]",
        "departments: [{code: x}]",
    ],
)
async def test_a_fault_of_the_installation_file_is_one_sentence_and_installs_nothing(
    registry: Running, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "installation.yaml"
    path.write_text(content)
    before = await registry.events()
    call = Call(actor="operator", at=now(), correlation_id=new_id())
    with pytest.raises((InstallationFault, DomainError)) as refused:
        await install_from(
            registry.database, call, read_installation(path), folder=tmp_path, public_url="http://x"
        )
    assert "\n" not in str(refused.value)
    with pytest.raises(SystemExit):
        await install_operation(registry.resources, [str(path)])
    assert await registry.events() == before


async def test_an_operator_who_names_no_file_is_told_how(registry: Running) -> None:
    with pytest.raises(SystemExit, match="usage"):
        await install_operation(registry.resources, [])


async def evidence_count(service: Running) -> int:
    return len(await service.database.fetch("SELECT 1 FROM evidence_records"))


async def test_installing_leaves_evidence(registry: Running) -> None:
    await install(registry)
    rows = await registry.database.fetch("SELECT command, actor FROM evidence_records WHERE command LIKE 'post_%'")
    assert [tuple(row) for row in rows] == [("post_conditions", "operator")]
