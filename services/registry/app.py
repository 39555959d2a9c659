import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from libs.common.call import Call
from libs.common.clock import now
from libs.common.errors import DomainError
from libs.common.ids import new_id
from libs.common.proposal.api import proposal_routes
from libs.common.proposal.parked import parked_alone
from libs.common.service import Resources, Service
from libs.common.settings import own_settings
from libs.common.sweeping import every_in_rounds
from services.registry.applicant.api import router as applicants
from services.registry.conditions.api import router as conditions
from services.registry.consumers import handlers
from services.registry.department.api import router as departments
from services.registry.document.api import router as documents
from services.registry.enrolment.api import router as enrolments
from services.registry.enterprise_register.commands import load_register
from services.registry.identity_proof.api import router as identity_proofs
from services.registry.identity_proof.fixture import FixtureFile, NothingProved, ProofFileUnusable, read_fixture
from services.registry.installation import (
    InstallationFault,
    install_from,
    read_installation,
    require_notice_topics,
)
from services.registry.notice.api import router as notices
from services.registry.registration import limits, store
from services.registry.registration.api import router as registrations
from services.registry.registration.commands import session_authenticator
from services.registry.registration.staff_api import router as registration_files
from services.registry.representative.api import router as representatives
from services.registry.settings import RegistrySettings

NAME = "registry"
OPERATOR = "operator"
ONE_ARGUMENT = 1


async def prepare(apps: Sequence[FastAPI], resources: Resources) -> None:
    authenticator = session_authenticator(resources.database)
    identity_proof = _proof_source(own_settings(resources.settings, RegistrySettings))
    for app in apps:
        app.state.session_authenticator, app.state.identity_proof = authenticator, identity_proof


def _proof_source(settings: RegistrySettings) -> FixtureFile | NothingProved:
    if settings.proof_file is None:
        return NothingProved()
    try:
        read_fixture(settings.proof_file)
    except ProofFileUnusable as fault:
        sys.exit(f"{NAME}: {fault}.")
    return FixtureFile(settings.proof_file)


async def sweep(resources: Resources) -> None:
    """Drafts that nobody can hand in any more expire; ended sessions and old counters go."""
    at = now()
    async with resources.database.transaction() as tx:
        await store.expire_drafts(tx, now=at)
    every = (store.forget_ended_sessions, limits.forget_old)
    await every_in_rounds(resources.database, *(partial(forget, now=at) for forget in every))


async def install(resources: Resources, arguments: list[str]) -> None:
    """`install <file>`: departments and conditions, once; nothing when it is there already."""
    path = _path(arguments, usage="install <installation.yaml>")
    try:
        installation = read_installation(path)
        await require_notice_topics(resources.settings, installation)
        await install_from(
            resources.database,
            _call(),
            installation,
            folder=path.parent,
            public_url=resources.settings.public_url,
        )
    except InstallationFault as fault:
        sys.exit(f"{NAME}: {fault}.")
    except DomainError as error:
        sys.exit(f"{NAME}: {error.detail('en')}")


async def load_enterprise_register(resources: Resources, arguments: list[str]) -> None:
    """`load-enterprise-register <folder>`: Entreprise.csv and Nom.csv of the Registraire's open data set."""
    folder = _path(arguments, usage="load-enterprise-register <folder>")
    allowed = own_settings(resources.settings, RegistrySettings).register_rows_refused_above
    try:
        load = await load_register(resources.database, _call(), folder, malformed_at_most=allowed)
    except DomainError as error:
        sys.exit(f"{NAME}: {error.detail('en')}")
    told = f"{load.enterprises} enterprises and {load.names} names in force read"
    sys.stdout.write(f"{told}; {load.changed} changed, {load.malformed} malformed rows left out.\n")


def _path(arguments: list[str], *, usage: str) -> Path:
    if len(arguments) != ONE_ARGUMENT:
        sys.exit(f"usage: python -m services.{NAME} {usage}")
    return Path(arguments[0])


def _call() -> Call:
    return Call(actor=OPERATOR, at=now(), correlation_id=new_id())


SERVICE = Service(
    name=NAME,
    folder=Path(__file__).parent,
    settings=RegistrySettings,
    # Routes are tried in this order: the one that is called most comes first.
    public_routers=[
        applicants,
        registrations,
        representatives,
        identity_proofs,
        registration_files,
        documents,
        conditions,
        departments,
        enrolments,
        notices,
        proposal_routes(parked_alone("registry")),
    ],
    publishers=("auth", "delegation"),
    handlers=handlers,
    prepare=prepare,
    sweeps=(sweep,),
    operations={"install": install, "load-enterprise-register": load_enterprise_register},
)
