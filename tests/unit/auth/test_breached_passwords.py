import hashlib
import os
import tracemalloc
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.user_code import breached
from services.auth.user_code.breached import BreachedPasswords
from services.auth.user_code.breached_file import (
    HEADER,
    BreachedFile,
    BreachedFileFault,
    Header,
    place_of,
    write_sorted,
)
from services.auth.user_code.breached_operation import import_set
from services.auth.user_code.breached_source import read_digests

BREACHED = [f"breached password {number}" for number in range(3000)]


def sha1(text: str) -> bytes:
    return hashlib.sha1(text.encode(), usedforsecurity=False).digest()


def lines(passwords: list[str], *, count: int = 3) -> str:
    return "".join(f"{digest.hex().upper()}:{count}\r\n" for digest in sorted(map(sha1, passwords)))


def one_file(folder: Path, passwords: list[str] = BREACHED) -> Path:
    path = folder / "hashes.txt"
    path.write_text(lines(passwords), newline="")
    return path


def ranges(folder: Path, passwords: list[str] = BREACHED, *, ending: str = "") -> Path:
    source = folder / "ranges"
    source.mkdir()
    for line in lines(passwords).splitlines():
        with (source / f"{line[:5]}{ending}").open("a") as file:
            file.write(f"{line[5:]}\n")
    return source


def made(folder: Path, passwords: list[str] = BREACHED, *, name: str = "set", index_bits: int = 6) -> Path:
    target = folder / name
    import_set(one_file(folder, passwords), target, least_count=1, index_bits=index_bits)
    return target


@given(st.sets(st.binary(min_size=20, max_size=20), min_size=1, max_size=60), st.integers(1, 12))
def test_nothing_that_went_in_is_missed(digests: set[bytes], index_bits: int) -> None:
    path = Path(f"/proc/self/fd/{os.memfd_create('set')}")
    with path.open("wb+") as file:
        header = write_sorted(file, iter(sorted(digests)), least_count=1, index_bits=index_bits)
        file.flush()
        read = BreachedFile(path)
        assert all(read.contains(digest) for digest in digests)
        assert header.entries == len({place_of(digest, index_bits=index_bits) for digest in digests})
    os.close(int(path.name))


def test_others_are_held_for_breached_no_more_often_than_the_file_states(tmp_path: Path) -> None:
    read = BreachedFile(made(tmp_path, index_bits=1))
    stated = read.header.false_positive_rate
    assert stated == pytest.approx(3000 / 2**17, rel=0.02)
    chance = Random(1)  # noqa: S311 - the same draw each time
    found = sum(read.contains(chance.randbytes(20)) for _ in range(40_000))
    assert stated * 0.8 < found / 40_000 < stated * 1.2


def test_the_whole_public_set_would_be_wrong_about_one_password_in_a_thousand() -> None:
    header = Header(index_bits=24, least_count=1, entries=1_000_000_000, sha256=bytes(32))
    assert header.false_positive_rate < 0.001
    assert header.file_bytes < 2.1e9


@pytest.mark.parametrize("ending", ["", ".txt"])
def test_range_files_and_one_ordered_file_give_the_same_set(tmp_path: Path, ending: str) -> None:
    whole = list(read_digests(one_file(tmp_path), least_count=1))
    assert whole == sorted(map(sha1, BREACHED))
    source = ranges(tmp_path, ending=ending)
    assert list(read_digests(source, least_count=1, may_be_partial=True)) == whole


def test_a_folder_that_lacks_ranges_is_refused_unless_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(BreachedFileFault, match="of 1048576 files"):
        list(read_digests(ranges(tmp_path), least_count=1))


def test_only_what_was_seen_often_enough_is_taken(tmp_path: Path) -> None:
    source = tmp_path / "hashes.txt"
    source.write_text("".join(f"{number:040X}:{number}\n" for number in range(1, 11)))
    assert [digest[-1] for digest in read_digests(source, least_count=8)] == [8, 9, 10]


GOOD_LINE = "00000000000000000000000000000000000000AB:1\n"


@pytest.mark.parametrize(
    "text",
    [
        "not a hash\n",
        "0000:1\n",
        f"{GOOD_LINE}{'0' * 39}G:1\n",
        f"{GOOD_LINE}{'0' * 40}\n",
        f"{GOOD_LINE}{'0' * 35}:1\n",
        f"{GOOD_LINE}{'0' * 40}:-1\n",
        f"{GOOD_LINE}{'0' * 5000}:1\n",
        f"{GOOD_LINE}\x00\x01\n",
    ],
)
def test_a_line_of_another_form_is_named_and_nothing_takes_the_sets_place(tmp_path: Path, text: str) -> None:
    target = made(tmp_path)
    before = target.read_bytes()
    source = tmp_path / "source"
    source.write_text(text)
    with pytest.raises(BreachedFileFault, match=r"line [12] of "):
        import_set(source, target, least_count=1, index_bits=6)
    assert target.read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


@given(st.binary(max_size=200))
def test_no_source_whatever_does_anything_but_be_read_or_be_refused(content: bytes) -> None:
    path = Path(f"/proc/self/fd/{os.memfd_create('source')}")
    path.write_bytes(content)
    try:
        read = list(read_digests(path, least_count=1))
    except BreachedFileFault:
        read = []
    finally:
        os.close(int(path.name))
    assert all(len(digest) == 20 for digest in read)


@pytest.mark.parametrize("text", ["", "\ufeff\n"])
def test_an_empty_source_is_refused(tmp_path: Path, text: str) -> None:
    source = tmp_path / "source"
    source.write_text(text)
    with pytest.raises(BreachedFileFault, match="no hash"):
        import_set(source, tmp_path / "set", least_count=1, index_bits=6)
    assert os.listdir(tmp_path) == ["source"]  # noqa: PTH208 - nothing else is left


def test_hashes_out_of_order_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text(f"{'F' * 40}:1\n{'0' * 40}:1\n")
    with pytest.raises(BreachedFileFault, match="not in order"):
        import_set(source, tmp_path / "set", least_count=1, index_bits=6)


def test_a_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BreachedFileFault, match="cannot be read"):
        import_set(tmp_path / "nothing", tmp_path / "set", least_count=1, index_bits=6)


def test_a_set_is_imported_line_by_line(tmp_path: Path) -> None:
    source = tmp_path / "hashes.txt"
    with source.open("wb") as file:
        for number in range(40_000):
            file.write(b"%040X:7\n" % (number << 144))
    tracemalloc.start()
    import_set(source, tmp_path / "set", least_count=1, index_bits=6)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_500_000 < source.stat().st_size


def damaged(path: Path, *, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("at", [0, 8, 10, 16, 24, 60, HEADER.size, HEADER.size + 64, -1])
def test_a_damaged_file_is_not_used(tmp_path: Path, at: int) -> None:
    path = made(tmp_path)
    damaged(path, at=at)
    with pytest.raises(BreachedFileFault):
        BreachedFile(path)


@pytest.mark.parametrize("length", [0, 10, HEADER.size, HEADER.size + 100, -1])
def test_a_file_that_is_not_whole_is_not_used(tmp_path: Path, length: int) -> None:
    path = made(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(BreachedFileFault):
        BreachedFile(path)


def test_the_shipped_passwords_are_always_known(tmp_path: Path) -> None:
    for path in (None, tmp_path / "nothing", made(tmp_path)):
        assert BreachedPasswords(path).contains("PasswordPassword")


def test_another_set_is_picked_up_without_a_restart(tmp_path: Path) -> None:
    path = made(tmp_path, BREACHED[:10])
    known = BreachedPasswords(path)
    assert known.contains(BREACHED[0])
    assert not known.contains(BREACHED[2000])
    made(tmp_path)
    assert known.contains(BREACHED[2000])


@pytest.mark.parametrize("fate", ["gone", "damaged", "empty"])
def test_a_set_that_cannot_be_used_is_told_once_and_the_last_one_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fate: str
) -> None:
    path = made(tmp_path)
    known = BreachedPasswords(path)
    assert known.contains(BREACHED[0])
    faults = breached.FAULTS._value.get()  # noqa: SLF001 - the library has no other way to ask
    if fate == "gone":
        path.unlink()
    else:
        other = tmp_path / "other"
        other.write_bytes(b"" if fate == "empty" else b"\x01" * 400)
        other.replace(path)
    assert known.contains(BREACHED[0])
    assert known.contains(BREACHED[1])
    assert breached.FAULTS._value.get() == faults + 1  # noqa: SLF001 - as above
    assert caplog.text.count("is not used") == 1
    assert BREACHED[0] not in caplog.text


def test_a_set_that_was_missing_is_used_once_it_is_there(tmp_path: Path) -> None:
    known = BreachedPasswords(tmp_path / "set")
    assert not known.contains(BREACHED[0])
    made(tmp_path)
    assert known.contains(BREACHED[0])
