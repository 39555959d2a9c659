from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.strategies import text

from services.registry.enterprise_register import reading
from services.registry.enterprise_register.rules import (
    Enterprise,
    RegisterFolderIncomplete,
    RegisterHeaderWrong,
    comparable,
    confirms,
)

BAKERY = Enterprise(
    "1160000001", False, date(2001, 4, 1), "IM", date(2001, 4, 1), "CIE", ("Boulangerie de l'Érable inc.",)
)
NAMES = "NEQ,NOM_ASSUJ,NOM_ASSUJ_LANG_ETRNG,STAT_NOM,TYP_NOM_ASSUJ,DAT_INIT_NOM_ASSUJ,DAT_FIN_NOM_ASSUJ"
ENTERPRISES = "NEQ,IND_FAIL,DAT_IMMAT,COD_STAT_IMMAT,DAT_STAT_IMMAT,COD_FORME_JURI"


@pytest.mark.parametrize("name", ["BOULANGERIE DE L'ERABLE INC", "boulangerie de l\u2019érable  Inc."])
def test_a_name_is_confirmed_without_case_accents_and_punctuation(name: str) -> None:
    assert confirms(BAKERY, name)


@pytest.mark.parametrize("status", ["RD", "RO", "RX", "IA", "NI"])
def test_an_enterprise_that_is_not_registered_any_more_is_not_confirmed(status: str) -> None:
    assert not confirms(replace(BAKERY, status=status), BAKERY.names[0])


def test_a_bankrupt_unknown_or_otherwise_named_enterprise_is_not_confirmed() -> None:
    assert not confirms(replace(BAKERY, is_bankrupt=True), BAKERY.names[0])
    assert not confirms(None, BAKERY.names[0])
    assert not confirms(BAKERY, "Boulangerie du Chêne inc.")


@given(text())
def test_comparing_names_is_stable(name: str) -> None:
    assert comparable(comparable(name)) == comparable(name)


def rows_of(folder: Path, *, names: str) -> tuple[list[tuple[object, ...]], reading.Tally]:
    (folder / "Nom.csv").write_bytes(names.encode())
    file = reading.names_of(folder)
    return list(file.rows()), file.tally


def test_names_in_force_are_read_and_former_ones_left_out(tmp_path: Path) -> None:
    content = (
        f"\ufeff{NAMES}\n1160000001,Un nom,,V,M,2001-01-01,\n1160000001,Un ancien,,A,M,2000-01-01,2000-12-31\n"
    )
    rows, tally = rows_of(tmp_path, names=content)
    assert rows == [("1160000001", "Un nom")]
    assert (tally.rows, tally.malformed) == (2, 0)


@pytest.mark.parametrize(
    "line",
    [
        "1160000001,Un nom,,V",
        "99,Un nom,,V,M,,",
        f"1160000001,{'x' * 501},,V,M,,",
        "1160000001,Un\0nom,,V,M,,",
        f'1160000001,"{"x" * 140_000}",,V,M,,',
    ],
    ids=["short", "no-neq", "long", "nul", "longer-than-a-field-may-be"],
)
def test_a_malformed_row_is_counted_and_left_out(tmp_path: Path, line: str) -> None:
    rows, tally = rows_of(tmp_path, names=f"{NAMES}\n{line}\n1160000004,Bon,,V,M,,\n")
    assert tally.malformed >= 1
    assert ("1160000001", "Un nom") not in rows


def test_bytes_that_are_no_text_are_a_malformed_row(tmp_path: Path) -> None:
    (tmp_path / "Nom.csv").write_bytes(NAMES.encode() + b"\n1160000001,\xe9\xff,,V,M,,\n")
    file = reading.names_of(tmp_path)
    assert list(file.rows()) == []
    assert file.tally.malformed == 1


@pytest.mark.parametrize(
    "row", ["1160000001,X,,IM,,CIE", "1160000001,N,31/12/2001,IM,,CIE", "1160000001,N,,,,CIE"]
)
def test_an_enterprise_with_an_impossible_flag_date_or_status_is_malformed(tmp_path: Path, row: str) -> None:
    (tmp_path / "Entreprise.csv").write_text(f"{ENTERPRISES}\n{row}\n")
    file = reading.enterprises_of(tmp_path)
    assert list(file.rows()) == []
    assert file.tally.malformed == 1


@pytest.mark.parametrize("header", ["", "NEQ;NOM_ASSUJ;STAT_NOM", "a,b,c"])
def test_a_file_with_another_header_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(RegisterHeaderWrong):
        rows_of(tmp_path, names=f"{header}\n1160000001,Un nom,V\n")


def test_a_folder_without_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegisterFolderIncomplete):
        list(reading.enterprises_of(tmp_path).rows())
