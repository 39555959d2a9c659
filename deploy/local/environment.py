from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from deploy.local import keys
from deploy.local.databases import SERVICES, app, owner
from deploy.local.keys import OPERATOR
from deploy.local.ports import LOOPBACK, Ports

MIGRATE = "migrate"


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Where the infrastructure answers and where its secrets lie."""

    postgres_url: str = field(repr=False)  # superuser DSN of the database `postgres`
    kafka_bootstrap: str
    keys: Path
    ports: Ports
    kafka_operator_password_file: Path
    identity_proof_file: Path
    kafka_operator: str = OPERATOR
    topic_prefix: str = ""

    @property
    def issuer(self) -> str:
        return self.public_url("auth")

    def public_url(self, service: str) -> str:
        return f"http://{LOOPBACK}:{self.ports.public(service)}"

    def internal_url(self, service: str) -> str:
        return f"http://{LOOPBACK}:{self.ports.internal(service)}"

    def worker_url(self, service: str) -> str:
        return f"http://{LOOPBACK}:{self.ports.worker(service)}"

    def database_url(self, role: str, *, database: str) -> str:
        password = keys.read(keys.database_password_file(self.keys, role))
        server = urlsplit(self.postgres_url)
        host = server.netloc.rpartition("@")[2]
        return server._replace(netloc=f"{role}:{quote(password, safe='')}@{host}", path=f"/{database}").geturl()

    def kafka_operator_password(self) -> str:
        return keys.read(self.kafka_operator_password_file)

    def kafka_password(self, principal: str) -> str:
        return keys.read(keys.kafka_password_file(self.keys, principal))


def service_environment(
    service: str, platform: Platform, *, command: str = "api", database: str | None = None
) -> dict[str, str]:
    """What `python -m services.<service> <command>` reads; only `migrate` gets the owner's DSN.

    `database` names another database than the service's own, for instance a test's clone of it.
    """
    chosen = database or service
    fields = {
        "database_url": platform.database_url(app(service), database=chosen),
        "kafka_bootstrap": platform.kafka_bootstrap,
        "kafka_username": service,
        "kafka_password": platform.kafka_password(service),
        "topic_prefix": platform.topic_prefix,
        "issuer": platform.issuer,
        "public_url": platform.public_url(service),
        "client_key_file": str(keys.client_key_file(platform.keys, service)),
        "listen_host": LOOPBACK,
        "public_port": str(platform.ports.public(service)),
        "internal_port": str(platform.ports.internal(service)),
        "worker_port": str(platform.ports.worker(service)),
        **{f"{name}_internal_url": platform.internal_url(name) for name in SERVICES},
        **_key_files(service, platform.keys),
    }
    if service == "registry":
        fields["identity_proof_file"] = str(platform.identity_proof_file)
    if service == "auth":
        fields |= {"smtp_host": LOOPBACK, "smtp_port": str(platform.ports.mail), "smtp_tls": "none"}
        fields["smtp_from"] = "clicsequr@localhost"
    if command == MIGRATE:
        fields["database_owner_url"] = platform.database_url(owner(service), database=chosen)
    return {f"CLICSEQUR_{name.upper()}": text for name, text in fields.items()}


def _key_files(service: str, directory: Path) -> dict[str, str]:
    held = {
        "auth": ("sealing", "pepper", "pairwise"),
        "registry": ("pairwise",),
        "delegation": ("pairwise",),
    }
    return {f"{name}_key_file": str(keys.symmetric_key_file(directory, name)) for name in held.get(service, ())}
