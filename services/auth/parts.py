from collections.abc import Sequence
from dataclasses import dataclass, field

from fastapi import FastAPI, Request

from libs.common.database import Database
from libs.common.freshness import Freshness
from libs.common.service import Resources
from libs.common.service_calls import ServiceCalls
from services.auth.client.remembered import RememberedClients
from services.auth.client.remote_keys import ClientKeys
from services.auth.key_files import SymmetricKey, WrongKey, read_key
from services.auth.outbound import CONNECTIONS, Outbound
from services.auth.pages import Pages
from services.auth.session.rules import LOGOUT_CLIENTS_AT_ONCE, LOGOUTS_AT_ONCE_TO_CLIENT
from services.auth.settings import AuthSettings
from services.auth.signing_key.commands import SigningKeys
from services.auth.user_code.breached import BreachedPasswords
from services.auth.user_code.guessing import Guessing
from services.auth.user_code.passwords import Passwords


@dataclass(frozen=True)
class Parts:
    """What the routes of auth share."""

    settings: AuthSettings
    database: Database
    freshness: Freshness
    keys: SigningKeys
    passwords: Passwords
    pages: Pages
    guessing: Guessing
    logout_outbound: Outbound
    service_calls: ServiceCalls
    client_keys: ClientKeys
    remembered_clients: RememberedClients
    sealing_key: SymmetricKey = field(repr=False)
    pairwise_key: SymmetricKey = field(repr=False)


def new_parts(resources: Resources) -> Parts:
    """Raises KeyFileFault, WrongKey."""
    settings = resources.settings
    if not isinstance(settings, AuthSettings):
        raise TypeError("auth needs its own settings")
    files = (settings.sealing_key_file, settings.pepper_key_file, settings.pairwise_key_file)
    sealing_key, pepper, pairwise_key = map(read_key, files)
    if len({sealing_key.id, pepper.id, pairwise_key.id}) < len(files):
        raise WrongKey("the sealing key, the pepper and the pairwise key must be three keys")
    return Parts(
        settings=settings,
        database=resources.database,
        freshness=resources.freshness,
        keys=SigningKeys(resources.database, sealing_key, settings.signing_key_schedule),
        passwords=Passwords(
            settings,
            pepper,
            previous=[read_key(path) for path in settings.previous_pepper_keys],
        ),
        pages=Pages(settings.support),
        guessing=Guessing(settings, BreachedPasswords(settings.breached_passwords_file)),
        logout_outbound=_new_outbound(settings, connections=LOGOUTS_AT_ONCE_TO_CLIENT * LOGOUT_CLIENTS_AT_ONCE),
        service_calls=resources.service_calls,
        client_keys=ClientKeys(_new_outbound(settings, connections=CONNECTIONS)),
        remembered_clients=RememberedClients(),
        sealing_key=sealing_key,
        pairwise_key=pairwise_key,
    )


def _new_outbound(settings: AuthSettings, *, connections: int) -> Outbound:
    return Outbound(
        seconds=settings.outbound_timeout_seconds,
        ca_file=settings.outbound_ca_file,
        allows_loopback=settings.outbound_allows_loopback,
        connections=connections,
    )


async def prepare(apps: Sequence[FastAPI], resources: Resources) -> None:
    """Both share one pool of hashing threads, so its bounds hold for the process."""
    parts = new_parts(resources)
    await parts.guessing.prepare()
    for app in apps:
        app.state.parts = parts


def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts
