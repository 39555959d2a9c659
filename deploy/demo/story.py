"""An applicant's whole life in ten steps, played through the public APIs alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from uuid import UUID, uuid4

import httpx

from deploy.demo import acting, governing, proving, registering
from deploy.demo.journal import Journal
from deploy.demo.world import SERVICES, StepFailed, World
from deploy.local.environment import Platform
from deploy.local.layout import Layout
from examples.clic_revenu.notices import Heard, heard, listening


@dataclass(frozen=True)
class Step:
    title: str
    play: Callable[[World], Awaitable[str]]


@dataclass(frozen=True)
class Outcome:
    step: Step
    succeeded: bool
    told: str
    seconds: float


STEPS = (
    Step("A corporation registers by identity proof", registering.corporation_registers_at_once),
    Step("A partnership registers on signed paper", registering.partnership_registers_on_paper),
    Step("A person in charge signs in for the first time", acting.person_in_charge_signs_in),
    Step("The person in charge adds two users", acting.person_in_charge_adds_users),
    Step("A department asks for decisions", acting.department_asks_for_a_decision),
    Step("A department posts a confidential message", acting.department_posts_a_message),
    Step("The provider suspends the applicant", governing.provider_suspends),
    Step("The provider releases the hold", governing.provider_releases),
    Step("Persons in charge govern; cancel and come back", governing.persons_in_charge_govern),
    Step("Every call is recorded, every command proved", proving.records_are_complete),
)

Tell = Callable[[str], None]


@asynccontextmanager
async def entering(platform: Platform, layout: Layout) -> AsyncIterator[World]:
    """The people, systems and addresses of the story; what they open is closed in the end."""
    world = World(platform, layout, Journal({service: platform.public_url(service) for service in SERVICES}))
    try:
        governing.agents(world)
        yield world
    finally:
        await world.close()


@asynccontextmanager
async def _listening_in(world: World, *, tell: Tell) -> AsyncIterator[None]:
    """Revenu Québec's own consumer tells each notice as it arrives."""
    platform = world.platform
    async with listening(
        "revenu-quebec",
        bootstrap=platform.kafka_bootstrap,
        password=platform.kafka_password("revenu-quebec"),
        group=f"demo-{uuid4().hex[:8]}",
        topic_prefix=platform.topic_prefix,
    ) as consumer:

        async def listen() -> None:
            async for notice in heard(consumer):
                if UUID(notice.notice["applicant_id"]) in world.applicants.values():
                    world.heard.append(notice)
                    tell(_line(notice))

        listener = asyncio.create_task(listen())
        try:
            yield
        finally:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener


def _line(notice: Heard) -> str:
    applicant = str(notice.notice["applicant_id"])
    return f"     ⇢ revenu-quebec hears {notice.type} about {applicant} after {notice.delay_ms:.0f} ms"


async def play(world: World, *, tell: Tell) -> list[Outcome]:
    """Plays the steps in order; after one fails the later ones, which rely on it, are not played."""
    outcomes: list[Outcome] = []
    async with _listening_in(world, tell=tell):
        for number, step in enumerate(STEPS, 1):
            if outcomes and not outcomes[-1].succeeded:
                not_played = "not played: an earlier step failed"
                outcomes.append(Outcome(step, succeeded=False, told=not_played, seconds=0))
                continue
            tell(f"{number:>4} {step.title} …")
            outcomes.append(await _play(world, step))
    return outcomes


async def _play(world: World, step: Step) -> Outcome:
    began = monotonic()
    try:
        told, succeeded = await step.play(world), True
    except (StepFailed, httpx.HTTPError, KeyError, ValueError) as failure:
        told, succeeded = f"{type(failure).__name__}: {failure}", False
    return Outcome(step, succeeded, told, monotonic() - began)
