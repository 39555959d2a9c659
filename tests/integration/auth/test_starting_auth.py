"""Settings that do not go together, and keys that are one, are told when auth starts."""

from typing import Any

import pytest
from pydantic import ValidationError

from deploy.local import keys
from deploy.local.environment import Platform
from services.auth.app import SERVICE
from services.auth.key_files import WrongKey
from tests.kit import running, settings_of


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"smtp_user": "clic"}, "smtp_user and smtp_password_file are set together"),
        ({"smtp_password_file": "password"}, "smtp_user and smtp_password_file are set together"),
        ({"password_days": 400, "password_days_second_factor": 399}, "must not be less than password_days"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    platform: Platform, chosen: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence):
        settings_of(SERVICE, platform, **chosen)


async def test_one_key_does_not_serve_for_two(platform: Platform) -> None:
    keys.create(platform.keys)
    same = {"pepper_key_file": settings_of(SERVICE, platform).pairwise_key_file}  # type: ignore[attr-defined]
    with pytest.raises(WrongKey, match="must be three keys"):
        async with running(SERVICE, platform, **same):
            pass
