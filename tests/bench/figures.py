"""What a measurement says, and the floor that the same run gave it."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """`ratio` is value / floor where both are of one kind, else None."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None

    def row(self) -> dict[str, Any]:
        return {name: round(item, 4) if isinstance(item, float) else item for name, item in asdict(self).items()}


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def table(figures: Sequence[Figure]) -> str:
    lines = [f"{'name':<42} {'value':>10} {'unit':<6} {'floor':>10} {'ratio':>7}"]
    for figure in figures:
        floor = "-" if figure.floor is None else f"{figure.floor:,.2f}"
        ratio = "-" if figure.ratio is None else f"{figure.ratio:.2f}"
        lines.append(f"{figure.name:<42} {figure.value:>10,.2f} {figure.unit:<6} {floor:>10} {ratio:>7}")
    return "\n".join(lines)
