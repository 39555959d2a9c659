"""Two invented enterprises for this play: known to the register's sample and to the identity proof's fixture."""

import csv
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from deploy.local.layout import PROJECT, Layout

SAMPLE = PROJECT / "deploy" / "local" / "enterprise_register"
ENTERPRISES, NAMES = "Entreprise.csv", "Nom.csv"


@dataclass(frozen=True)
class Enterprise:
    """`notice_number` and `amount` are what only the applicant knows."""

    name: str
    neq: str
    identification_number: str
    notice_number: str
    amount: str

    def applicant(self) -> dict[str, str]:
        return {"name": self.name, "neq": self.neq, "identification_number": self.identification_number}

    def proof(self) -> dict[str, str]:
        return {"notice_number": self.notice_number, "amount": self.amount}


def invent(words: str, *, prefix: str) -> Enterprise:
    """A name, an NEQ (its first two digits tell the kind) and numbers that no earlier play has used."""
    digits = f"{secrets.randbelow(10**8):08}"
    return Enterprise(
        name=f"{words} {digits[:4]} {'inc.' if prefix == '11' else 's.e.n.c.'}",
        neq=f"{prefix}{digits}",
        identification_number=f"{prefix}{secrets.randbelow(10**8):08}",
        notice_number=f"RQ-2026-{digits}",
        amount=f"{secrets.randbelow(9000) + 1000}.57",
    )


def publish(layout: Layout, *enterprises: Enterprise) -> Path:
    """Adds them to this platform's own copies of the sample and the fixture; returns the register's folder."""
    folder = layout.state / "enterprise_register"
    if not folder.exists():
        shutil.copytree(SAMPLE, folder)
    for one in enterprises:
        legal_form = "CIE" if one.neq.startswith("11") else "SENC"
        _append(
            folder / ENTERPRISES,
            NEQ=one.neq,
            IND_FAIL="N",
            DAT_IMMAT="2020-01-15",
            COD_STAT_IMMAT="IM",
            COD_FORME_JURI=legal_form,
            DAT_STAT_IMMAT="2020-01-15",
        )
        _append(
            folder / NAMES,
            NEQ=one.neq,
            NOM_ASSUJ=one.name,
            STAT_NOM="V",
            TYP_NOM_ASSUJ="M",
            DAT_INIT_NOM_ASSUJ="2020-01-15",
        )
        _append(
            layout.identity_proofs,
            identification_number=one.identification_number,
            neq=one.neq,
            notice_number=one.notice_number,
            amount=one.amount,
        )
    return folder


def _append(path: Path, **values: str) -> None:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        columns = next(csv.reader(line for line in stream if not line.startswith("#")))
    with path.open("a", encoding="utf-8", newline="") as stream:
        csv.DictWriter(stream, columns, lineterminator="\n").writerow(values)
