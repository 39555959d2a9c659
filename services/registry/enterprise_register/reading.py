"""Entreprise.csv and Nom.csv of the Registraire's open data set, row by row.

The data set: https://www.donneesquebec.ca/recherche/dataset/registre-des-entreprises (UTF-8, comma, header);
its guide gives COD_STAT_IMMAT (IM, RD, RO, RX, …) and STAT_NOM (V: in force, A: former).
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TextIO

from services.registry.enterprise_register.rules import RegisterFolderIncomplete, RegisterHeaderWrong
from services.registry.registration.identifiers import is_neq

ENTERPRISES = "Entreprise.csv"
NAMES = "Nom.csv"
ENTERPRISE_COLUMNS = ("NEQ", "IND_FAIL", "DAT_IMMAT", "COD_STAT_IMMAT", "DAT_STAT_IMMAT", "COD_FORME_JURI")
NAME_COLUMNS = ("NEQ", "NOM_ASSUJ", "STAT_NOM")
IN_FORCE = "V"
BANKRUPT = {"O": True, "N": False, "": False}
CODE_AT_MOST = 15
NAME_AT_MOST = 500
REPLACEMENT = "\ufffd"

Row = tuple[object, ...]


class Malformed(ValueError):
    """A row that the register cannot mean."""


@dataclass
class Tally:
    rows: int = 0
    kept: int = 0
    malformed: int = 0


@dataclass(frozen=True)
class RegisterFile:
    """One CSV file; rows are read as they are asked for, so memory holds one of them."""

    path: Path
    columns: tuple[str, ...]
    read: Callable[[list[str]], Row | None]
    tally: Tally = field(default_factory=Tally)

    def rows(self) -> Iterator[Row]:
        """Raises RegisterHeaderWrong, RegisterFolderIncomplete."""
        try:
            stream = self.path.open(encoding="utf-8-sig", errors="replace", newline="")
        except FileNotFoundError:
            raise RegisterFolderIncomplete(missing=self.path.name) from None
        with stream:
            yield from self._rows(stream)

    def _rows(self, stream: TextIO) -> Iterator[Row]:
        reader = csv.reader(stream)
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in self.columns if name not in header]
        if missing:
            raise RegisterHeaderWrong(file=self.path.name, missing=", ".join(missing))
        places = [header.index(name) for name in self.columns]
        for fields in _each(reader, self.tally):
            row = self._row(fields, places, width=len(header))
            if row is not None:
                self.tally.kept += 1
                yield row

    def _row(self, fields: list[str], places: list[int], *, width: int) -> Row | None:
        try:
            if len(fields) != width:
                raise Malformed
            return self.read([_clean(fields[place]) for place in places])
        except ValueError:
            self.tally.malformed += 1
            return None


def enterprises_of(folder: Path) -> RegisterFile:
    return RegisterFile(folder / ENTERPRISES, ENTERPRISE_COLUMNS, _enterprise)


def names_of(folder: Path) -> RegisterFile:
    return RegisterFile(folder / NAMES, NAME_COLUMNS, _name)


def _each(reader: Iterator[list[str]], tally: Tally) -> Iterator[list[str]]:
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            tally.rows += 1
            tally.malformed += 1
            continue
        if fields:
            tally.rows += 1
            yield fields


def _clean(text: str) -> str:
    cleaned = text.strip()
    if "\0" in cleaned or REPLACEMENT in cleaned:
        raise Malformed
    return cleaned


def _enterprise(fields: list[str]) -> Row:
    neq, bankrupt, registered_on, status, status_on, legal_form = fields
    if not is_neq(neq) or bankrupt not in BANKRUPT or not 0 < len(status) <= CODE_AT_MOST:
        raise Malformed
    if len(legal_form) > CODE_AT_MOST:
        raise Malformed
    return neq, BANKRUPT[bankrupt], _date(registered_on), status, _date(status_on), legal_form


def _name(fields: list[str]) -> Row | None:
    neq, name, status = fields
    if not is_neq(neq) or len(name) > NAME_AT_MOST:
        raise Malformed
    return (neq, name) if name and status == IN_FORCE else None


def _date(text: str) -> date | None:
    """`YYYY-MM-DD`, with or without a time behind it. Raises ValueError."""
    return date.fromisoformat(text[:10]) if text else None
