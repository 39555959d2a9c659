from functools import cached_property
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


def is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


class ServiceSettings(BaseSettings):
    """Settings that every service reads from its environment, each named CLICSEQUR_<FIELD>."""

    model_config = SettingsConfigDict(
        env_prefix="CLICSEQUR_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    database_url: SecretStr = Field(description="DSN of the application role; may go through a pooler")
    database_direct_url: SecretStr | None = Field(
        None, description="DSN of the application role that no pooler serves: advisory locks and LISTEN"
    )
    database_owner_url: SecretStr | None = Field(
        None, description="DSN of the owner role; only `migrate` reads it"
    )
    database_pool_size: int = Field(10, ge=1, le=100, description="connections per process")

    kafka_bootstrap: str = Field(description="host:port of the brokers, separated by commas")
    kafka_username: str = Field(description="SCRAM-SHA-512 user; one principal per service")
    kafka_password: SecretStr = Field(description="SCRAM-SHA-512 password")
    kafka_ca_file: Path | None = Field(None, description="CA bundle; when set the connection uses TLS")
    topic_prefix: str = Field("", description="put before every topic and group name; serves the tests")

    issuer: str = Field(description="the OpenID issuer, without a final slash; http only for loopback")
    auth_internal_url: str = Field(description="address of auth's internal API")
    registry_internal_url: str = Field(description="address of registry's internal API")
    delegation_internal_url: str = Field(description="address of delegation's internal API")
    mailbox_internal_url: str = Field(description="address of mailbox's internal API")
    public_url: str = Field(description="address at which this service's public API is reached; its audience")
    client_key_file: Path = Field(description="PEM file with this service's ES256 key for private_key_jwt")

    listen_host: str = Field("127.0.0.1", description="address that the servers bind")
    public_port: int = Field(ge=1, le=65_535, description="port of the public API")
    internal_port: int = Field(
        ge=1, le=65_535, description="port of the internal API and metrics; never routed publicly"
    )
    worker_port: int = Field(ge=1, le=65_535, description="port of the worker's health and metrics")

    trusted_proxies: str = Field(
        "",
        description="addresses or networks, separated by commas, whose X-Forwarded-For is believed",
    )
    client_certificate_header: str = Field(
        "", description="header in which a trusted proxy tells a client's certificate (RFC 9440); none: off"
    )

    facts_warn_seconds: float = Field(10, gt=0, description="age of facts that counts in the metric, seconds")
    facts_limit_seconds: float = Field(60, gt=0, description="age of facts beyond which calls answer 503, seconds")
    outbound_timeout_seconds: float = Field(2, gt=0, description="deadline of a call to another service, seconds")
    proposal_days: int = Field(7, ge=1, le=90, description="time a proposal waits for its second person, days")
    trace_ratio: float = Field(0.1, ge=0, le=1, description="share of root traces that are sampled")
    trace_slow_seconds: float = Field(1, gt=0, description="calls at least this slow are always traced, seconds")
    otlp_endpoint: str | None = Field(None, description="OTLP/HTTP traces endpoint; none: spans are dropped")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        "INFO", description="lowest level written"
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses_or_networks(cls, listed: str) -> str:
        for one in filter(None, listed.split(",")):
            ip_network(one.strip())
        return listed

    @model_validator(mode="after")
    def _http_only_on_loopback(self) -> Self:
        parts = urlsplit(self.issuer)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("issuer must be an http or https address")
        if parts.query or parts.fragment or self.issuer.endswith(("/", "?", "#")):
            raise ValueError("issuer must have no final slash, query or fragment")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("an http issuer is accepted on a loopback address only")
        return self

    @cached_property
    def direct_url(self) -> str:
        return (self.database_direct_url or self.database_url).get_secret_value()

    def topic(self, name: str) -> str:
        return self.topic_prefix + name


Own = TypeVar("Own", bound=ServiceSettings)


def own_settings(settings: ServiceSettings, kind: type[Own]) -> Own:
    """A service's own settings, which it was started with. Raises TypeError."""
    if not isinstance(settings, kind):
        raise TypeError(type(settings))
    return settings
