"""The fields of Strimzi's and CloudNativePG's resources that our manifests use, as their references give them.

Strimzi 1.2, kafka.strimzi.io/v1; CloudNativePG 1.27, postgresql.cnpg.io/v1. A field that is not here is refused:
Kubernetes itself would drop a misspelt one without a word.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

Size = Annotated[str, StringConstraints(pattern=r"^[0-9]+(Mi|Gi)$")]
Role = Annotated[str, StringConstraints(pattern=r"^[a-z]+_(owner|app)$")]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class Named(Shape):
    name: str


class Amounts(Shape):
    cpu: str
    memory: Size


class Shares(Shape):
    requests: Amounts
    limits: Amounts


class Seccomp(Shape):
    type: Literal["RuntimeDefault"]


class Dropped(Shape):
    drop: list[Literal["ALL"]]


class PodSecurity(Shape):
    run_as_non_root: Literal[True]
    seccomp_profile: Seccomp


class ContainerSecurity(Shape):
    allow_privilege_escalation: Literal[False]
    capabilities: Dropped


class PodTemplate(Shape):
    security_context: PodSecurity


class ContainerTemplate(Shape):
    security_context: ContainerSecurity


class PoolTemplate(Shape):
    pod: PodTemplate
    kafka_container: ContainerTemplate


class Volume(Shape):
    id: int = Field(ge=0)
    type: Literal["persistent-claim"]
    size: Size
    kraft_metadata: Literal["shared"]
    delete_claim: Literal[False]


class Jbod(Shape):
    type: Literal["jbod"]
    volumes: list[Volume]


class NodePool(Shape):
    replicas: int = Field(ge=1)
    roles: list[Literal["controller", "broker"]]
    resources: Shares
    storage: Jbod
    template: PoolTemplate


class Scram(Shape):
    type: Literal["scram-sha-512"]


class Selector(Shape):
    match_labels: dict[str, str]


class Peer(Shape):
    pod_selector: Selector


class Listener(Shape):
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,11}$")]
    port: int = Field(ge=9092)
    type: Literal["internal"]
    tls: Literal[True]
    authentication: Scram
    network_policy_peers: list[Peer]


class Authorization(Shape):
    type: Literal["simple"]


class Brokers(Shape):
    version: str
    metadata_version: str
    listeners: list[Listener]
    authorization: Authorization
    config: dict[str, bool | int]


class Operator(Shape):
    resources: Shares


class EntityTemplate(Shape):
    pod: PodTemplate
    topic_operator_container: ContainerTemplate
    user_operator_container: ContainerTemplate


class EntityOperator(Shape):
    topic_operator: Operator
    user_operator: Operator
    template: EntityTemplate


class Kafka(Shape):
    kafka: Brokers
    entity_operator: EntityOperator


class Topic(Shape):
    topic_name: str
    partitions: int = Field(ge=1)
    replicas: int = Field(ge=1)
    config: dict[str, str]


class AclResource(Shape):
    type: Literal["topic", "group"]
    name: str
    pattern_type: Literal["literal", "prefix"]


class Acl(Shape):
    resource: AclResource
    operations: list[Literal["Read", "Write"]]


class UserAuthorization(Shape):
    type: Literal["simple"]
    acls: list[Acl]


class User(Shape):
    authentication: Scram
    authorization: UserAuthorization


class FirstDatabase(Shape):
    database: str
    owner: str
    encoding: Literal["UTF8"]
    data_checksums: bool


class Bootstrap(Shape):
    initdb: FirstDatabase


class Storage(Shape):
    size: Size


class Affinity(Shape):
    enable_pod_anti_affinity: bool
    topology_key: str
    pod_anti_affinity_type: Literal["preferred", "required"]


class ManagedRole(Shape):
    name: Role
    ensure: Literal["present"]
    login: Literal[True]
    password_secret: Named


class Managed(Shape):
    roles: list[ManagedRole]


class Synchronous(Shape):
    method: Literal["any", "first"]
    number: int = Field(ge=1)
    data_durability: Literal["required", "preferred"]


class Postgresql(Shape):
    synchronous: Synchronous
    parameters: dict[str, str]
    pg_hba: list[str] = Field(alias="pg_hba")


class Cluster(Shape):
    instances: int = Field(ge=1)
    image_name: str
    enable_superuser_access: Literal[False]
    bootstrap: Bootstrap
    storage: Storage
    wal_storage: Storage
    resources: Shares
    affinity: Affinity
    managed: Managed
    postgresql: Postgresql


class Schema(Shape):
    name: str
    owner: Role


class Database(Shape):
    cluster: Named
    name: str
    owner: Role
    ensure: Literal["present"]
    database_reclaim_policy: Literal["retain"]
    schemas: list[Schema]


SHAPES: dict[tuple[str, str], type[Shape]] = {
    ("kafka.strimzi.io/v1", "Kafka"): Kafka,
    ("kafka.strimzi.io/v1", "KafkaNodePool"): NodePool,
    ("kafka.strimzi.io/v1", "KafkaTopic"): Topic,
    ("kafka.strimzi.io/v1", "KafkaUser"): User,
    ("postgresql.cnpg.io/v1", "Cluster"): Cluster,
    ("postgresql.cnpg.io/v1", "Database"): Database,
}
