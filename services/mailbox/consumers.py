from libs.common.call import Call
from libs.common.contracts.delegation import UserAdded
from libs.common.contracts.registry import PersonInChargeDesignated
from libs.common.database import Connection
from libs.common.inbox import Handler, handlers_of
from libs.common.settings import ServiceSettings
from libs.common.standing_events import AUTH_STANDING, DELEGATION_STANDING, REGISTRY_STANDING
from services.mailbox.mailbox.commands import create_mailbox


async def give_box(tx: Connection, call: Call, event: PersonInChargeDesignated | UserAdded) -> None:
    await create_mailbox(
        tx, call, applicant_id=event.applicant_id, user_code_id=event.user_code_id, language=event.language
    )


def handlers(_settings: ServiceSettings) -> dict[str, Handler]:
    return {
        **REGISTRY_STANDING,
        **DELEGATION_STANDING,
        **AUTH_STANDING,
        **handlers_of((PersonInChargeDesignated, give_box), (UserAdded, give_box)),
    }
