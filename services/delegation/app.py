import sys
from pathlib import Path

from libs.common.service import Resources, Service
from services.delegation.access.api import router as access
from services.delegation.access_right.api import router as access_rights
from services.delegation.consumers import HANDLERS
from services.delegation.disclosure.api import internal_router as disclosure_internal
from services.delegation.disclosure.api import router as disclosure
from services.delegation.person_in_charge.api import router as persons_in_charge
from services.delegation.settings import DelegationSettings
from services.delegation.user.api import router as users


async def install(_resources: Resources, arguments: list[str]) -> None:
    """No part of the installation file is delegation's: it learns departments from registry's events."""
    if not _is_one_file(arguments):
        sys.exit("delegation: install needs the path of one installation file.")


def _is_one_file(arguments: list[str]) -> bool:
    return len(arguments) == 1 and Path(arguments[0]).is_file()


SERVICE = Service(
    name="delegation",
    folder=Path(__file__).parent,
    settings=DelegationSettings,
    public_routers=[persons_in_charge, users, access_rights, disclosure, access],
    internal_routers=[disclosure_internal],
    publishers=("auth", "registry"),
    handlers=HANDLERS,
    operations={"install": install},
)
