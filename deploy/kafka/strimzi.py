import yaml

from deploy.kafka.access import Catalogue, Principal, Right, Topic

API_VERSION = "kafka.strimzi.io/v1"


def render(catalogue: Catalogue, *, cluster: str, topic_prefix: str = "", replicas: int = 3) -> str:
    """KafkaTopic and KafkaUser manifests, one YAML document each; Strimzi's operators make the passwords."""
    manifests = [
        *(
            _topic(topic_prefix + name, topic, cluster=cluster, replicas=replicas)
            for name, topic in catalogue.topics.items()
        ),
        *(
            _user(name, principal, cluster=cluster, topic_prefix=topic_prefix)
            for name, principal in catalogue.principals.items()
        ),
    ]
    return yaml.safe_dump_all(manifests, sort_keys=False, width=110)


def _topic(name: str, topic: Topic, *, cluster: str, replicas: int) -> dict[str, object]:
    # A majority of the replicas, so that acks=all means what it says and one broker may rest.
    configuration = {**topic.configuration(), "min.insync.replicas": str(replicas // 2 + 1)}
    return {
        "apiVersion": API_VERSION,
        "kind": "KafkaTopic",
        "metadata": _metadata(name, cluster=cluster),
        "spec": {
            "topicName": name,
            "partitions": topic.partitions,
            "replicas": replicas,
            "config": configuration,
        },
    }


def _user(name: str, principal: Principal, *, cluster: str, topic_prefix: str) -> dict[str, object]:
    return {
        "apiVersion": API_VERSION,
        "kind": "KafkaUser",
        "metadata": _metadata(name, cluster=cluster),
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {
                "type": "simple",
                "acls": [_acl(right) for right in principal.rights(topic_prefix)],
            },
        },
    }


def _metadata(name: str, *, cluster: str) -> dict[str, object]:
    return {"name": name.replace("_", "-"), "labels": {"strimzi.io/cluster": cluster}}


def _acl(right: Right) -> dict[str, object]:
    return {
        "resource": {
            "type": right.resource.value,
            "name": right.name,
            "patternType": "prefix" if right.is_prefix else "literal",
        },
        "operations": [right.verb.value],
    }
