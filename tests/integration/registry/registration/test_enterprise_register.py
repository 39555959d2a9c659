import shutil
from pathlib import Path

import pytest

from services.registry.app import load_enterprise_register
from tests.integration.registry.registration.world import LOCAL
from tests.kit import Running

SAMPLE = LOCAL / "enterprise_register"


async def dump(service: Running) -> list[dict[str, object]]:
    enterprises = await service.database.fetch("SELECT * FROM enterprises ORDER BY neq")
    names = await service.database.fetch("SELECT * FROM enterprise_names ORDER BY neq, name")
    return [dict(row) for row in (*enterprises, *names)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "register"))


def edit(path: Path, old: str, new: str) -> None:
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new), encoding="utf-8")


async def test_loading_the_same_register_again_changes_nothing(
    registry: Running, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await dump(registry)
    await load_enterprise_register(registry.resources, [str(folder)])
    assert await dump(registry) == before
    assert "0 changed, 0 malformed" in capsys.readouterr().out


async def test_what_a_load_changes_is_kept_beside_what_was_known(registry: Running, folder: Path) -> None:
    edit(folder / "Entreprise.csv", "1160000001,N", "1160000001,O")
    edit(folder / "Entreprise.csv", "2012-09-14,,,,IM", "2012-09-14,,,,RD")
    edit(folder / "Nom.csv", "Atelier Lavoie", "Atelier Lavoie et filles")
    await load_enterprise_register(registry.resources, [str(folder)])
    rows = await registry.database.fetch(
        "SELECT neq, was_bankrupt, is_bankrupt, status_before, status_after FROM enterprise_changes ORDER BY neq"
    )
    assert [tuple(row) for row in rows] == [
        ("1160000001", False, True, "IM", "IM"),
        ("3360000003", False, False, "IM", "RD"),
    ]
    names = await registry.database.fetch("SELECT name FROM enterprise_names WHERE neq = '2260000005'")
    assert [row["name"] for row in names] == ["Atelier Lavoie et filles"]


async def test_an_enterprise_that_a_load_no_longer_names_stays_as_it_was_known(
    registry: Running, folder: Path
) -> None:
    before = await dump(registry)
    for name in ("Entreprise.csv", "Nom.csv"):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.startswith("1160000004")]
        (folder / name).write_text("\n".join(kept) + "\n", encoding="utf-8")
    await load_enterprise_register(registry.resources, [str(folder)])
    assert await dump(registry) == before


async def test_an_enterprise_that_stands_twice_is_taken_once(registry: Running, folder: Path) -> None:
    content = (folder / "Entreprise.csv").read_text(encoding="utf-8")
    (folder / "Entreprise.csv").write_text(content + content.splitlines()[1] + "\n", encoding="utf-8")
    before = await dump(registry)
    await load_enterprise_register(registry.resources, [str(folder)])
    assert await dump(registry) == before


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("Entreprise.csv", ("NEQ,IND_FAIL", "NO,IND_FAIL"), "lacks the columns NEQ"),
        ("Nom.csv", ("NOM_ASSUJ,", "NOM,"), "lacks the columns NOM_ASSUJ"),
        ("Nom.csv", ("1160000004", "11x"), "1 of 24 rows are malformed"),
    ],
)
async def test_another_file_is_refused_with_one_sentence_and_nothing_is_loaded(
    registry: Running, folder: Path, name: str, change: tuple[str, str], sentence: str
) -> None:
    edit(folder / name, *change)
    before = await dump(registry)
    with pytest.raises(SystemExit, match=sentence):
        await load_enterprise_register(registry.resources, [str(folder)])
    assert await dump(registry) == before


async def test_a_register_without_rows_or_files_is_refused(registry: Running, folder: Path) -> None:
    before = await dump(registry)
    header = (folder / "Nom.csv").read_text(encoding="utf-8").splitlines()[0]
    (folder / "Nom.csv").write_text(header + "\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="no row"):
        await load_enterprise_register(registry.resources, [str(folder)])
    (folder / "Nom.csv").unlink()
    with pytest.raises(SystemExit, match=r"no Nom\.csv"):
        await load_enterprise_register(registry.resources, [str(folder)])
    assert await dump(registry) == before


async def test_a_load_leaves_evidence(registry: Running) -> None:
    rows = await registry.database.fetch(
        "SELECT content FROM evidence_records WHERE command = 'load_enterprise_register'"
    )
    assert rows[0]["content"] == {"enterprises": 11, "names": 12, "malformed": 0, "changed": 0}
