from typing import Annotated
from uuid import UUID

from pydantic import EmailStr, StringConstraints

from libs.common.admission import CurrentCall, CurrentDatabase, admits
from libs.common.description import raises
from libs.common.http import Line, RequestModel, new_router
from services.registry.registration.rules import RegistrationAlreadySubmitted, RegistrationExpired
from services.registry.registration.views import RegistrationView, view_of
from services.registry.representative.commands import report_representative
from services.registry.representative.rules import Capacity, Representative

router = new_router(tags=["representative"])
Telephone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ().x-]{6,24}$")]


class RepresentativeBody(RequestModel):
    given_name: Line
    family_name: Line
    capacity: Capacity
    email: EmailStr
    telephone: Telephone


@router.put("/v1/registrations/{registration_id}/representative")
@admits("registration_session")
@raises(RegistrationAlreadySubmitted, RegistrationExpired)
async def put_representative(
    registration_id: UUID, body: RepresentativeBody, call: CurrentCall, database: CurrentDatabase
) -> RegistrationView:
    representative = Representative(body.given_name, body.family_name, body.capacity, body.email, body.telephone)
    await report_representative(database, call, registration_id, representative=representative)
    return await view_of(database, registration_id)
