"""What auth says of an agent's account is heard by every other service."""

import pytest

from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.contracts.auth import AgentAccountDisabled, AgentAccountEnabled
from libs.common.contracts.envelope import agent_key
from libs.common.ids import new_id
from libs.common.service import Service
from tests.generated import services
from tests.kit import running


@pytest.mark.parametrize(
    "service", [one for one in services() if one.name != "auth"], ids=lambda service: service.name
)
async def test_a_disabled_agent_is_refused_and_an_enabled_one_needs_a_new_token(
    service: Service, platform: Platform
) -> None:
    async with running(service, platform) as started:
        agent_id = new_id()
        address = f"/v1/applicants/{new_id()}/access-records"
        old = started.tokens.agent("auditor", agent_id=agent_id)
        other = started.tokens.agent("auditor")
        assert (await started.public.get(address, headers=old)).status_code == 200
        key = agent_key(agent_id)
        await started.deliver(AgentAccountDisabled(agent_id=agent_id), publisher="auth", partitionkey=key)
        newer = started.tokens.agent("auditor", agent_id=agent_id, iat=int(now().timestamp()) + 2)
        codes = [
            (await started.public.get(address, headers=one)).json().get("code") for one in (old, newer, other)
        ]
        assert codes == ["token-refused", "access-suspended", None]
        await started.deliver(AgentAccountEnabled(agent_id=agent_id), publisher="auth", partitionkey=key)
        newer = started.tokens.agent("auditor", agent_id=agent_id, iat=int(now().timestamp()) + 2)
        codes = [(await started.public.get(address, headers=one)).json().get("code") for one in (old, newer)]
        assert codes == ["token-refused", None]
