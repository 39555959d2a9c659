import base64
from pathlib import Path

import pytest

from libs.common.errors import OperatorFault
from libs.common.key_files import read_key


def test_a_key_file_holds_32_bytes_in_base64(tmp_path: Path) -> None:
    place = tmp_path / "pairwise.key"
    place.write_text(base64.b64encode(b"k" * 32).decode() + "\n")
    assert read_key(place) == b"k" * 32
    for wrong in (base64.b64encode(b"k" * 31).decode(), "not base64!", "é", ""):
        place.write_text(wrong)
        with pytest.raises(OperatorFault, match=r"pairwise\.key") as fault:
            read_key(place)
        assert "\n" not in str(fault.value)


def test_a_missing_key_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OperatorFault, match="cannot be read"):
        read_key(tmp_path / "absent.key")
