from pathlib import Path

from libs.common.proposal.api import proposal_routes
from libs.common.proposal.parked import parked_alone
from libs.common.service import Service
from services.mailbox.consumers import handlers
from services.mailbox.message.api import router as messages
from services.mailbox.settings import MailboxSettings

SERVICE = Service(
    name="mailbox",
    folder=Path(__file__).parent,
    settings=MailboxSettings,
    public_routers=[messages, proposal_routes(parked_alone("mailbox"))],
    publishers=("auth", "registry", "delegation"),
    handlers=handlers,
)
