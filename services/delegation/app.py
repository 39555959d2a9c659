from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI

from libs.common.key_files import read_key
from libs.common.proposal.api import proposal_routes
from libs.common.proposal.parked import parked_alone
from libs.common.service import Resources, Service
from libs.common.settings import own_settings
from services.delegation.access.api import router as access
from services.delegation.access_right.api import router as access_rights
from services.delegation.consumers import handlers
from services.delegation.disclosure.api import internal_router as disclosure_internal
from services.delegation.disclosure.api import router as disclosure
from services.delegation.person_in_charge.api import router as persons_in_charge
from services.delegation.power_of_attorney.api import internal_router as powers_of_attorney_internal
from services.delegation.settings import DelegationSettings
from services.delegation.user.api import router as users


async def prepare(apps: Sequence[FastAPI], resources: Resources) -> None:
    """Raises KeyFileFault."""
    pairwise_key = read_key(own_settings(resources.settings, DelegationSettings).pairwise_key_file)
    for app in apps:
        app.state.pairwise_key = pairwise_key


SERVICE = Service(
    name="delegation",
    folder=Path(__file__).parent,
    settings=DelegationSettings,
    public_routers=[
        persons_in_charge,
        users,
        access_rights,
        disclosure,
        access,
        proposal_routes(parked_alone("delegation")),
    ],
    internal_routers=[disclosure_internal, powers_of_attorney_internal],
    publishers=("auth", "registry"),
    handlers=handlers,
    prepare=prepare,
)
