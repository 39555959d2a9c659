"""`make bench`: measures the running suite against floors of the same run; ONLY=name,… chooses."""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.demo.story import entering
from deploy.demo.world import World
from deploy.local import children
from deploy.local.layout import PROJECT
from tests.bench.at_scale import auth_at_scale
from tests.bench.figures import Figure, table
from tests.bench.latency import notice_latency, revocation_latency
from tests.bench.reading import authenticated_read
from tests.bench.renewing import introspection_ratio, refresh_ratio
from tests.bench.signing_in import jwks_ratio, sign_in_ratio, token_ratio
from tests.suite import Suite, real_suite

LATEST = PROJECT / ".local" / "bench" / "latest.json"
MEBIBYTE = 1_048_576
IDLE_SECONDS = 20
Measure = Callable[[Suite], list[Figure]]


def idle_memory(suite: Suite) -> list[Figure]:
    """Proportional set size of every program of the suite, once it has been idle for a while."""
    time.sleep(IDLE_SECONDS)
    family = {
        program.pid: program
        for child in children.list_recorded(suite.here.run)
        if (found := child.running)
        for program in (found, *found.children(recursive=True))
    }
    pss = sum(program.memory_full_info().pss for program in family.values())
    return [Figure("idle-memory-mb", pss / MEBIBYTE, "MB")]


def warm_start(suite: Suite) -> list[Figure]:
    suite.command("down")
    began = time.perf_counter()
    suite.up()
    return [Figure("warm-start-s", time.perf_counter() - began, "s")]


def in_world(measure: Callable[[World], Awaitable[list[Figure]]]) -> Measure:
    async def run(suite: Suite) -> list[Figure]:
        async with entering(suite.platform, suite.here) as world:
            return await measure(world)

    return lambda suite: asyncio.run(run(suite))


def fully_sampled(_suite: Suite) -> list[Figure]:
    """The same read with every trace kept, in a suite of its own whose spans go to a port that drops them."""

    async def measure(world: World) -> list[Figure]:
        return await authenticated_read(world, name="authenticated-read-ratio-full-sampling")

    with (
        TemporaryDirectory() as directory,
        real_suite(Path(directory), trace_ratio="1", otlp_endpoint="http://127.0.0.1:9/v1/traces") as suite,
    ):
        return in_world(measure)(suite)


MEASURES: dict[str, Measure] = {
    "idle-memory-mb": idle_memory,
    "warm-start-s": warm_start,
    "authenticated-read-ratio": in_world(authenticated_read),
    "authenticated-read-ratio-full-sampling": fully_sampled,
    "sign-in-ratio": sign_in_ratio,
    "token-ratio": token_ratio,
    "refresh-ratio": refresh_ratio,
    "introspection-ratio": introspection_ratio,
    "jwks-ratio": jwks_ratio,
    "notice-latency": in_world(notice_latency),
    "revocation-latency": in_world(revocation_latency),
    "auth-at-scale": auth_at_scale,
}


def _chosen(only: str | None) -> Iterable[tuple[str, Measure]]:
    wanted = only.split(",") if only else list(MEASURES)
    known = {
        name: measure
        for name, measure in MEASURES.items()
        if any(one.startswith(name) or name.startswith(one) for one in wanted)
    }
    if not known:
        sys.exit(f"nothing is measured under that name; known: {', '.join(MEASURES)}")
    return known.items()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", help="names, separated by commas")
    chosen = list(_chosen(parser.parse_args().only))
    # Ends as by Ctrl-C, so that the suite ends too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    figures: list[Figure] = []
    with TemporaryDirectory() as directory, real_suite(Path(directory), trace_ratio="0.1") as suite:
        for name, measure in chosen:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            figures += measure(suite)
    LATEST.parent.mkdir(parents=True, exist_ok=True)
    LATEST.write_text(json.dumps([figure.row() for figure in figures], indent=1) + "\n")
    print(table(figures))


if __name__ == "__main__":
    main()
