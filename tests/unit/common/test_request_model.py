from typing import Any

import pytest
from pydantic import ValidationError

from libs.common.http import RequestModel


class Free(RequestModel):
    content: Any


@pytest.mark.parametrize("text", ["\0", "\ud800", "a\udfff"])
def test_text_that_a_database_cannot_hold_is_refused_wherever_it_stands(text: str) -> None:
    for content in (text, [text], [{"kid": text}], {text: 1}, {"a": [[{"b": text}]]}):
        with pytest.raises(ValidationError):
            Free(content=content)


def test_other_text_is_kept_as_it_is() -> None:
    for content in ("é\U0001f600", {"a": [None, 1, {"b": "c"}]}):
        assert Free(content=content).content == content


def test_no_depth_is_too_deep() -> None:
    content: Any = "\0"
    for _ in range(100_000):
        content = [content]
    with pytest.raises(ValidationError):
        Free.model_validate({"content": content})
