"""`install <file>`: the first signing key, the agents and the clients, as one file names them."""

import logging
import sys
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from libs.common.call import Call
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.service import Resources
from services.auth.agent_account.installed import AgentAsInstalled, install_agent
from services.auth.agent_account.rules import ROLES, is_totp_secret
from services.auth.client.change_rules import ProductHasVendor
from services.auth.client.commands import install_client, require_one_vendor
from services.auth.client.installed import ClientAsInstalled, read_client
from services.auth.installation_files import FilePart, InstallationFault, Name, read_text
from services.auth.parts import Parts, new_parts
from services.auth.settings import AuthSettings
from services.auth.signing_key.commands import publish_when_due

log = logging.getLogger(__name__)


class _Agent(FilePart):
    name: Name
    side: Name
    roles: list[str] = Field(min_length=1)
    password_file: Path
    totp_file: Path


class _Installation(BaseModel):
    """The parts of the file that are auth's own; others read the rest."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    agents: list[_Agent] = []
    clients: list[ClientAsInstalled] = []


async def install(resources: Resources, arguments: list[str]) -> None:
    """Idempotent. Ends the program with one sentence when the file or what it names is at fault."""
    try:
        await _install(new_parts(resources), _read(arguments))
    except InstallationFault as fault:
        sys.exit(f"auth: {fault}.")
    except ProductHasVendor as fault:
        sys.exit(f"auth: {fault.detail('en')}")


async def _install(parts: Parts, wanted: _Installation) -> None:
    agents = [_agent(agent, parts.settings) for agent in wanted.agents]
    clients = [read_client(client, keys_dir=parts.settings.keys_dir) for client in wanted.clients]
    call = Call(actor="operator", at=now(), correlation_id=new_id())
    async with parts.database.transaction() as tx:
        await publish_when_due(tx, call, parts.sealing_key, schedule=parts.settings.signing_key_schedule)
        changed = [
            agent.name
            for agent in agents
            if await install_agent(tx, call, parts.passwords, parts.sealing_key, wanted=agent)
        ]
        changed += [client.client_id for client in clients if await install_client(tx, call, client)]
        for client in clients:
            await require_one_vendor(tx, client)
    log.info("installed", extra={"changed": changed})


def _read(arguments: list[str]) -> _Installation:
    if len(arguments) != 1:
        raise InstallationFault("name the one installation file")
    path = Path(arguments[0])
    try:
        return _Installation.model_validate(yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader))
    except (OSError, UnicodeDecodeError) as error:
        raise InstallationFault(f"the installation file {path} cannot be read") from error
    except yaml.YAMLError as error:
        raise InstallationFault(f"the installation file {path} is not YAML") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InstallationFault(f"the installation file is wrong at {place}: {first['msg']}") from error


def _agent(agent: _Agent, settings: AuthSettings) -> AgentAsInstalled:
    unknown = set(agent.roles) - ROLES
    if unknown:
        raise InstallationFault(f"the agent {agent.name} has an unknown role: {', '.join(sorted(unknown))}")
    totp = read_text(settings.keys_dir / agent.totp_file)
    if not is_totp_secret(totp):
        raise InstallationFault(f"the code generator's secret of {agent.name} is not 128 bits in base32")
    password = read_text(settings.keys_dir / agent.password_file)
    return AgentAsInstalled(agent.name, agent.side, tuple(agent.roles), SecretStr(password), SecretStr(totp))
