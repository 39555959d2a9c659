"""`make demo`: starts the suite, plays the story, says what came of it, leaves the suite running."""

import asyncio
import logging
import sys

from deploy.demo.story import Outcome, entering, play
from deploy.local import infrastructure, keys, layout, ports, suite
from deploy.local.databases import SERVICES
from deploy.local.environment import Platform
from deploy.local.errors import PlatformError, sentence
from deploy.local.layout import Layout


def say(line: str) -> None:
    print(line, flush=True)


async def tell_the_story(platform: Platform, here: Layout) -> list[Outcome]:
    async with entering(platform, here) as world:
        outcomes = await play(world, tell=say)
        say("\n" + "\n".join(_row(number, outcome) for number, outcome in enumerate(outcomes, 1)))
        say(_sandbox(platform, [(one.name, one.code, one.password) for one in world.people.values()]))
    return outcomes


def _row(number: int, outcome: Outcome) -> str:
    mark = "✓" if outcome.succeeded else "✗"
    return f" {mark} {number:>2}  {outcome.step.title:<48} {outcome.seconds:5.1f} s  {outcome.told}"


def _sandbox(platform: Platform, people: list[tuple[str, str, str]]) -> str:
    addresses = [f"  {service:<11} {platform.public_url(service)}" for service in SERVICES]
    accounts = [f"  {name:<20} {code:<14} {password}" for name, code, password in people]
    password_file = keys.kafka_password_file(platform.keys, "revenu-quebec")
    return "\n".join(
        [
            "\nThe suite is running:",
            *addresses,
            f"  {'Kafka':<11} {platform.kafka_bootstrap}",
            "\nDemo accounts (name, user code, password); agents also need the code of their .totp file:",
            *accounts,
            "\nA department's sandbox: revenu-quebec",
            f"  topic       {platform.topic_prefix}departments.revenu-quebec.notices (groups revenu-quebec.*)",
            f"  Kafka user  revenu-quebec, SCRAM-SHA-512, password in {password_file}",
            f"  OAuth key   {keys.client_key_file(platform.keys, 'revenu-quebec')} (private_key_jwt)",
            "\nStop it with `make down`.",
        ]
    )


def main() -> int:
    # The story provokes refusals, and tells of them itself.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    here = layout.from_environment()
    try:
        suite.up(here, list(SERVICES))
        outcomes = asyncio.run(tell_the_story(infrastructure.describe(here, ports.from_environment()), here))
    except (PlatformError, OSError) as error:
        print(sentence(error), file=sys.stderr)
        return 1
    return 0 if all(outcome.succeeded for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
