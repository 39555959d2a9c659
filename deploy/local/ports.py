import os
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields

from deploy.local.errors import PlatformError

LOOPBACK = "127.0.0.1"
PREFIX = "CLICSEQUR_LOCAL_PORT_"
HIGHEST = 65_535
FREE_RANGE = range(20_000, 32_000)


@dataclass(frozen=True, kw_only=True)
class Ports:
    auth: int = 18001
    registry: int = 18002
    delegation: int = 18003
    mailbox: int = 18004
    auth_internal: int = 18101
    registry_internal: int = 18102
    delegation_internal: int = 18103
    mailbox_internal: int = 18104
    auth_worker: int = 18201
    registry_worker: int = 18202
    delegation_worker: int = 18203
    mailbox_worker: int = 18204
    mail: int = 18025
    postgres: int = 15432
    kafka: int = 19092
    kafka_controller: int = 19093

    def public(self, service: str) -> int:
        return int(getattr(self, service))

    def internal(self, service: str) -> int:
        return int(getattr(self, f"{service}_internal"))

    def worker(self, service: str) -> int:
        return int(getattr(self, f"{service}_worker"))


def names() -> list[str]:
    return [field.name for field in fields(Ports)]


def from_environment(environment: Mapping[str, str] = os.environ) -> Ports:
    return Ports(
        **{name: _number(environment, variable(name)) for name in names() if variable(name) in environment}
    )


def variable(name: str) -> str:
    return PREFIX + name.upper()


def _number(environment: Mapping[str, str], key: str) -> int:
    text = environment[key]
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= HIGHEST:
        raise PlatformError(f"{key} must be a port number between 1 and {HIGHEST}, not {text!r}.")
    return int(text)


def free() -> Ports:
    """Ports that nothing listens on now, outside the range from which the system serves clients."""
    found: list[int] = []
    for port in random.sample(FREE_RANGE, len(FREE_RANGE)):
        if len(found) == len(names()):
            break
        if is_free(port):
            found.append(port)
    return Ports(**dict(zip(names(), found, strict=True)))


def is_free(port: int) -> bool:
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return False
    return True


def require_free(ports: Ports, wanted: list[str]) -> None:
    for name in wanted:
        port = int(getattr(ports, name))
        if not is_free(port):
            raise PlatformError(
                f"Port {port} ({name.replace('_', ' ')}) is taken: "
                f"stop what listens there, or move it with {variable(name)}=PORT."
            )
