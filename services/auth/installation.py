"""`install <file>`: the first signing key, the agents and the clients, as one file names them."""

import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import yaml
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from libs.common.call import Call
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.service import Resources
from services.auth.agent_account.commands import AgentAsInstalled, install_agent
from services.auth.agent_account.rules import ROLES
from services.auth.client.commands import install_client
from services.auth.client.rules import Client, ClientKind
from services.auth.key_files import KeyFileFault
from services.auth.parts import Parts, new_parts
from services.auth.settings import AuthSettings
from services.auth.signing_key.commands import publish_when_due

log = logging.getLogger(__name__)
CURVE = "P-256"
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]


class InstallationFault(Exception):
    """One sentence for the operator."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Translated(_Part):
    fr: str
    en: str


class _Agent(_Part):
    name: Name
    side: Name
    roles: list[str] = Field(min_length=1)
    password_file: Path
    totp_file: Path


class _Client(_Part):
    client_id: Name
    kind: ClientKind
    jwk_file: Path
    department: Name | None = None
    name: _Translated | None = None
    redirect_uris: list[str] = []
    post_logout_redirect_uris: list[str] = []
    scopes: list[str] = []


class _Installation(BaseModel):
    """The parts of the file that are auth's own; others read the rest."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    agents: list[_Agent] = []
    clients: list[_Client] = []


async def install(resources: Resources, arguments: list[str]) -> None:
    """Idempotent. Ends the program with one sentence when the file or what it names is at fault."""
    try:
        await _install(new_parts(resources), _read(arguments))
    except (InstallationFault, KeyFileFault) as fault:
        sys.exit(f"auth: {fault}.")


async def _install(parts: Parts, wanted: _Installation) -> None:
    agents = [_agent(agent, parts.settings) for agent in wanted.agents]
    clients = [_client(client, parts.settings) for client in wanted.clients]
    call = Call(actor="operator", at=now(), correlation_id=new_id())
    async with parts.database.transaction() as tx:
        await publish_when_due(tx, call, parts.sealing_key, schedule=parts.settings.signing_key_schedule)
        changed = [
            agent.name
            for agent in agents
            if await install_agent(tx, call, parts.passwords, parts.sealing_key, wanted=agent)
        ]
        changed += [client.client_id for client in clients if await install_client(tx, call, client)]
    log.info("installed", extra={"changed": changed})


def _read(arguments: list[str]) -> _Installation:
    if len(arguments) != 1:
        raise InstallationFault("name the one installation file")
    path = Path(arguments[0])
    try:
        return _Installation.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
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
    return AgentAsInstalled(
        agent.name,
        agent.side,
        tuple(agent.roles),
        SecretStr(_text(settings.keys_dir / agent.password_file)),
        SecretStr(_text(settings.keys_dir / agent.totp_file)),
    )


def _client(client: _Client, settings: AuthSettings) -> Client:
    is_departments = client.kind in {ClientKind.DEPARTMENT, ClientKind.DEPARTMENT_SYSTEM}
    if is_departments != (client.department is not None):
        raise InstallationFault(f"the client {client.client_id} must name a department if it is of one")
    name = client.name or _Translated(fr=client.client_id, en=client.client_id)
    return Client(
        client_id=client.client_id,
        kind=client.kind,
        department=client.department,
        name_fr=name.fr,
        name_en=name.en,
        redirect_uris=tuple(client.redirect_uris),
        post_logout_redirect_uris=tuple(client.post_logout_redirect_uris),
        scopes=tuple(client.scopes),
        jwk=_public_jwk(settings.keys_dir / client.jwk_file),
    )


def _public_jwk(path: Path) -> dict[str, Any]:
    try:
        key = ECKey.import_key(json.loads(_text(path)))
    except (ValueError, JoseError, KeyError) as error:
        raise InstallationFault(f"{path} holds no EC key as a JWK") from error
    if key.is_private or key.curve_name != CURVE:
        raise InstallationFault(f"{path} must hold the public half of a {CURVE} key")
    return dict(key.as_dict(private=False))


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InstallationFault(f"the file {path} cannot be read") from error
    if not text:
        raise InstallationFault(f"the file {path} is empty")
    return text
