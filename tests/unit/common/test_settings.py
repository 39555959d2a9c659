from typing import Any

import pytest
from pydantic import ValidationError

from libs.common.settings import ServiceSettings

GOOD: dict[str, Any] = {
    name: "http://127.0.0.1" if name.endswith(("url", "issuer")) else "1"
    for name, field in ServiceSettings.model_fields.items()
    if field.is_required()
}


@pytest.mark.parametrize("ending", ["/", "?a=b", "?", "#a", "#"])
def test_an_issuer_has_no_final_slash_query_or_fragment(ending: str) -> None:
    assert ServiceSettings(**GOOD).issuer == GOOD["issuer"]
    with pytest.raises(ValidationError, match="issuer must have no final slash, query or fragment"):
        ServiceSettings(**{**GOOD, "issuer": GOOD["issuer"] + ending})


def test_a_log_level_is_one_that_there_is() -> None:
    with pytest.raises(ValidationError, match="log_level"):
        ServiceSettings(**GOOD, log_level="BOGUS")


@pytest.mark.parametrize("port", [0, 65_536])
@pytest.mark.parametrize("name", ["public_port", "internal_port", "worker_port"])
def test_a_port_is_one_that_can_be_listened_on(name: str, port: int) -> None:
    with pytest.raises(ValidationError, match=name):
        ServiceSettings(**{**GOOD, name: port})
