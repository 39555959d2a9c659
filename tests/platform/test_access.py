from pathlib import Path

import pytest
import yaml

from deploy.kafka import access, strimzi

TOPICS = """
topics:
  auth.events: {partitions: 12, retention_days: 30}
  departments.cnesst.notices: {partitions: 1, retention_days: 400}
principals:
"""


def _load(path: Path, text: str) -> access.Catalogue:
    path.write_text(text)
    return access.load(path)


@pytest.mark.parametrize(
    ("principals", "reason"),
    [
        ("  auth: {write: [auth.events], admin: true}", "Extra inputs are not permitted"),
        ("  auth: {write: [auth.secrets]}", "topics used but not listed: auth.secrets"),
        (
            "  auth: {write: [auth.events]}\n  mailbox: {write: [auth.events]}",
            "more than one principal: auth.events",
        ),
        ("  auth: {write: [departments.cnesst.notices]}", "only registry does"),
        ("  cnesst: {group_prefixes: [revenu-quebec.]}", "groups that start with cnesst."),
    ],
)
def test_a_catalogue_that_breaks_a_rule_is_refused(tmp_path: Path, principals: str, reason: str) -> None:
    with pytest.raises(access.AccessCatalogueError, match=reason):
        _load(tmp_path / "access.yaml", TOPICS + principals)


@pytest.mark.parametrize("topic", ["{partitions: 1}", "{partitions: 1, retention_days: 1, compacted: true}"])
def test_a_topic_is_kept_one_way(tmp_path: Path, topic: str) -> None:
    with pytest.raises(access.AccessCatalogueError, match="either compacted or has retention_days"):
        _load(tmp_path / "access.yaml", f"topics:\n  auth.events: {topic}\nprincipals: {{}}")


def test_the_shipped_catalogue_lets_only_registry_write_to_departments() -> None:
    catalogue = access.load()
    writers = {
        name
        for name, principal in catalogue.principals.items()
        for topic in principal.write
        if topic.startswith(access.DEPARTMENT_TOPICS)
    }
    assert writers == {"registry"}


def test_strimzi_gets_every_topic_and_principal_with_the_same_rights() -> None:
    catalogue = access.load()
    manifests = list(yaml.safe_load_all(strimzi.render(catalogue, cluster="clicsequr", topic_prefix="t.")))
    topics = {one["spec"]["topicName"] for one in manifests if one["kind"] == "KafkaTopic"}
    users = {one["metadata"]["name"]: one["spec"] for one in manifests if one["kind"] == "KafkaUser"}
    assert topics == {f"t.{name}" for name in catalogue.topics}
    assert users.keys() == catalogue.principals.keys()
    assert {one["apiVersion"] for one in manifests} == {"kafka.strimzi.io/v1"}
    assert users["cnesst"] == {
        "authentication": {"type": "scram-sha-512"},
        "authorization": {
            "type": "simple",
            "acls": [
                {
                    "resource": {
                        "type": "topic",
                        "name": "t.departments.cnesst.notices",
                        "patternType": "literal",
                    },
                    "operations": ["Read"],
                },
                {
                    "resource": {"type": "group", "name": "t.cnesst.", "patternType": "prefix"},
                    "operations": ["Read"],
                },
            ],
        },
    }
