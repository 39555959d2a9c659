from collections.abc import Iterable

import psutil

from deploy.local import children, commands, kafka, postgres, readiness, runner
from deploy.local.environment import Platform
from deploy.local.layout import Layout

MEBIBYTE = 1_048_576
ABSENT = "-"


def show(layout: Layout, platform: Platform, services: list[str]) -> str:
    names = [f"{service}-{command}" for service in services for command in commands.SERVING]
    recorded = {child.pid for child in children.list_recorded(layout.run)}
    programs = [
        _program(layout, name, recorded=recorded)
        for name in (runner.NAME, postgres.NAME, kafka.NAME, commands.MAIL, *names)
    ]
    facts = [_facts(platform, service) for service in services]
    return "\n".join(
        [
            *_table(("PROGRAM", "STATE", "PID", "MEMORY"), programs),
            "",
            *_table(("SERVICE", "FACTS", "OLDEST", "PARKED", "LAG"), facts),
        ]
    )


def _program(layout: Layout, name: str, *, recorded: set[int]) -> tuple[str, ...]:
    child = children.find(layout.run, name)
    found = child.running if child else None
    if child is None or found is None:
        return (name, "stopped", ABSENT, ABSENT)
    memory = sum(_pss(one) for one in _family(found, recorded=recorded))
    return (name, "running", str(child.pid), f"{memory / MEBIBYTE:.0f} MB")


def _family(program: psutil.Process, *, recorded: set[int]) -> list[psutil.Process]:
    """The program and its descendants, without those that have a row of their own."""
    try:
        started = [one for one in program.children() if one.pid not in recorded]
    except psutil.NoSuchProcess:
        return []
    return [program, *(one for child in started for one in _family(child, recorded=recorded))]


def _pss(program: psutil.Process) -> int:
    try:
        detail = program.memory_full_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
    # Only Linux knows the shared part; elsewhere what the program alone holds.
    return int(getattr(detail, "pss", detail.uss))


def _facts(platform: Platform, service: str) -> tuple[str, ...]:
    freshness = readiness.find_freshness(platform, service)
    if freshness is None:
        return (service, "no answer", ABSENT, ABSENT, ABSENT)
    oldest = ABSENT if freshness.oldest_seconds is None else f"{freshness.oldest_seconds:.1f} s"
    return (service, "fresh" if freshness.fresh else "stale", oldest, str(freshness.parked), str(freshness.lag))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    ]
