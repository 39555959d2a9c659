from uuid import UUID

from fastapi import Request, Response

from libs.common.admission import CurrentCall, CurrentDatabase, admits
from libs.common.clock import civil_date
from libs.common.description import raises
from libs.common.http import RequestModel, new_router
from services.auth.pages import HTML, Pages, long_date, wants_page
from services.auth.parts import parts_of
from services.auth.user_code.assignment import AssignedCode
from services.auth.user_code.hold_rules import UserCodeNotActive
from services.auth.user_code.passwords import HashingBusy
from services.auth.user_code.recovery import CREATED, Reset, reset_by_person_in_charge
from services.auth.user_code.recovery_rules import ResetBelongsToPersonInCharge, ResetBelongsToProvider
from services.auth.user_code.suspension_api import named_code

router = new_router(tags=["user codes"])


class ResetPassword(RequestModel):
    """`second_factors_lost`: what the user had bound proves nobody any more."""

    second_factors_lost: bool = False


@router.post(
    "/v1/user-codes/{user_code_id}/one-time-passwords",
    status_code=CREATED,
    response_model=AssignedCode,
    responses={CREATED: {"content": {HTML: {}}}},
)
@admits("person_in_charge", creates=True, applicant_of=named_code)
@raises(HashingBusy, ResetBelongsToPersonInCharge, ResetBelongsToProvider, UserCodeNotActive)
async def post_one_time_password(
    user_code_id: UUID,
    call: CurrentCall,
    database: CurrentDatabase,
    request: Request,
    body: ResetPassword | None = None,
) -> AssignedCode | Response:
    """The new one-time password of a user, shown once; as a page to print when HTML is asked for first."""
    parts = parts_of(request)
    reset = await reset_by_person_in_charge(
        database,
        call,
        parts.passwords,
        parts.settings,
        user_code_id=user_code_id,
        second_factors_lost=body is not None and body.second_factors_lost,
    )
    return slip(parts.pages, reset) if wants_page(request) else reset.answer


def slip(pages: Pages, reset: Reset) -> Response:
    """A page to print and hand over, in the language of whoever it is for; nothing of it is kept."""
    good_until = civil_date(reset.expires_at)
    return pages.answer(
        "slip.html",
        language=reset.language,
        form_leads_to=None,
        status=CREATED,
        user_code=reset.answer.user_code.get_secret_value(),
        one_time_password=reset.answer.one_time_password.get_secret_value(),
        good_until=good_until.isoformat(),
        good_until_said=long_date(good_until, language=reset.language),
    )
