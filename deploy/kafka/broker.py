import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.kafka.access import AccessCatalogueError, Catalogue, Resource, Right, Topic, Verb

with warnings.catch_warnings():
    # kafka-python reads its schemas, at import, in a way that Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import KafkaAdminClient
    from kafka.admin import (
        ACL,
        ACLFilter,
        ACLOperation,
        ACLPermissionType,
        ACLResourcePatternType,
        ConfigResource,
        ConfigResourceType,
        ResourcePattern,
        ResourcePatternFilter,
        ResourceType,
        ScramMechanism,
        UserScramCredentialUpsertion,
    )

SCRAM_ITERATIONS = 8192
SETTLE_SECONDS = 15
POLL_SECONDS = 0.05
ANY_ACL = ACLFilter(
    principal=None,
    host=None,
    operation=ACLOperation.ANY,
    permission_type=ACLPermissionType.ANY,
    resource_pattern=ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
)
RESOURCES = {Resource.TOPIC: ResourceType.TOPIC, Resource.GROUP: ResourceType.GROUP}
VERBS = {Verb.READ: ACLOperation.READ, Verb.WRITE: ACLOperation.WRITE}


@dataclass(frozen=True, kw_only=True)
class Applied:
    topics_made: int
    rights_given: int
    rights_taken: int


def connect(bootstrap: str, *, username: str, password: str, timeout_seconds: float = 30) -> KafkaAdminClient:
    return KafkaAdminClient(
        bootstrap_servers=bootstrap.split(","),
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=username,
        sasl_plain_password=password,
        bootstrap_timeout_ms=int(timeout_seconds * 1000),
        reconnect_backoff_max_ms=500,
    )


def apply(
    admin: KafkaAdminClient,
    catalogue: Catalogue,
    *,
    passwords: Mapping[str, str],
    topic_prefix: str = "",
    replicas: int = 1,
) -> Applied:
    """Make the broker say what the catalogue says; a second time changes nothing.

    With a prefix only what bears it is looked at, so that several tests share a broker.
    """
    topics = {topic_prefix + name: topic for name, topic in catalogue.topics.items()}
    made = _create_missing(admin, topics, replicas=replicas)
    _configure(admin, topics)
    _set_passwords(admin, {name: passwords[name] for name in catalogue.principals})
    wanted = {
        _acl(name, right)
        for name, principal in catalogue.principals.items()
        for right in principal.rights(topic_prefix)
    }
    found = _list_ours(admin, topic_prefix)
    _create_acls(admin, sorted(wanted - found, key=repr))
    _delete_acls(admin, sorted(found - wanted, key=repr))
    _await_rights(admin, wanted, topic_prefix=topic_prefix)
    return Applied(topics_made=made, rights_given=len(wanted - found), rights_taken=len(found - wanted))


def _create_missing(admin: KafkaAdminClient, topics: Mapping[str, Topic], *, replicas: int) -> int:
    existing = {one["name"]: len(one["partitions"]) for one in admin.describe_topics()}
    for name, topic in topics.items():
        if existing.get(name, topic.partitions) != topic.partitions:
            raise AccessCatalogueError(
                f"{name} has {existing[name]} partitions and the catalogue says {topic.partitions}: "
                "partitions are never changed, since the order of each key's events would be lost"
            )
    missing = {
        name: {
            "num_partitions": topic.partitions,
            "replication_factor": replicas,
            "configs": topic.configuration(),
        }
        for name, topic in topics.items()
        if name not in existing
    }
    if missing:
        admin.create_topics(missing, wait_for_metadata=True)
    return len(missing)


def _configure(admin: KafkaAdminClient, topics: Mapping[str, Topic]) -> None:
    answers = admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name, topic.configuration()) for name, topic in topics.items()]
    )
    refused = {name: answer for name, answer in answers.get("topic", {}).items() if answer != "OK"}
    if refused:
        raise AccessCatalogueError(f"topic settings refused by the broker: {refused}")


def _set_passwords(admin: KafkaAdminClient, passwords: Mapping[str, str]) -> None:
    answers = admin.alter_user_scram_credentials(
        [
            UserScramCredentialUpsertion(name, ScramMechanism.SCRAM_SHA_512, password, iterations=SCRAM_ITERATIONS)
            for name, password in passwords.items()
        ]
    )
    refused = {name: answer for name, answer in answers.items() if answer}
    if refused:
        raise AccessCatalogueError(f"passwords refused by the broker: {refused}")
    for name in list(passwords)[-1:]:
        _await_password(admin, name, password=passwords[name])


def _await_password(admin: KafkaAdminClient, name: str, *, password: str) -> None:
    # The controller answers before the broker has heard; one request's passwords become valid together.
    bootstrap = ",".join(admin.config["bootstrap_servers"])
    connect(bootstrap, username=name, password=password, timeout_seconds=SETTLE_SECONDS).close()


def _await_rights(admin: KafkaAdminClient, wanted: set[ACL], *, topic_prefix: str) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while _list_ours(admin, topic_prefix) != wanted:
        if time.monotonic() > deadline:
            raise AccessCatalogueError("the broker does not show the rights that it was given")
        time.sleep(POLL_SECONDS)


def _list_ours(admin: KafkaAdminClient, topic_prefix: str) -> set[ACL]:
    listed = admin.describe_acls(ANY_ACL)[0]
    return {acl for acl in listed if acl.resource_pattern.resource_name.startswith(topic_prefix)}


def _acl(principal: str, right: Right) -> ACL:
    pattern = ACLResourcePatternType.PREFIXED if right.is_prefix else ACLResourcePatternType.LITERAL
    return ACL(
        principal=f"User:{principal}",
        host="*",
        operation=VERBS[right.verb],
        permission_type=ACLPermissionType.ALLOW,
        resource_pattern=ResourcePattern(RESOURCES[right.resource], right.name, pattern),
    )


def _create_acls(admin: KafkaAdminClient, acls: list[ACL]) -> None:
    if acls and (refused := admin.create_acls(acls)["failed"]):
        raise AccessCatalogueError(f"rights refused by the broker: {refused}")


def _delete_acls(admin: KafkaAdminClient, acls: list[ACL]) -> None:
    filters = [
        ACLFilter(acl.principal, acl.host, acl.operation, acl.permission_type, acl.resource_pattern)
        for acl in acls
    ]
    for _filter, _deleted, error in admin.delete_acls(filters) if filters else ():
        if error.errno:
            raise AccessCatalogueError(f"a right could not be taken back: {error.__name__}")
