from pathlib import Path

import pytest

from libs.common.errors import OperatorFault
from services.auth.key_files import read_key


def test_a_missing_key_file_is_told_to_the_operator(tmp_path: Path) -> None:
    with pytest.raises(OperatorFault, match="cannot be read as base64"):
        read_key(tmp_path / "absent.key")
