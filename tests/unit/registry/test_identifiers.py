import pytest
from hypothesis import given
from hypothesis.strategies import from_regex, integers

from services.registry.registration.identifiers import has_check_digit, is_neq
from services.registry.registration.limits import network_of


@pytest.mark.parametrize("neq", ["1160000001", "2260000005", "3360000003", "8860000006"])
def test_a_neq_begins_as_the_registraire_publishes(neq: str) -> None:
    assert is_neq(neq)


@pytest.mark.parametrize(
    "neq", ["1260000001", "116000000", "11600000011", "11600O0001", "1160000001\n", "\u0661\u066160000001"]
)
def test_anything_else_is_no_neq(neq: str) -> None:
    assert not is_neq(neq)


@pytest.mark.parametrize(("number", "good"), [("123456782", True), ("123456789", False), ("100000009", True)])
def test_a_business_number_ends_with_its_check_digit(number: str, *, good: bool) -> None:
    assert has_check_digit(number) is good


@given(from_regex(r"\A[0-9]{9}\Z").filter(str.isascii), integers(0, 8), integers(1, 9))
def test_one_wrong_digit_is_always_seen(number: str, place: int, shift: int) -> None:
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    assert not (has_check_digit(number) and has_check_digit(wrong))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        (None, "unknown"),
        ("nowhere", "unknown"),
    ],
)
def test_strangers_are_counted_by_their_network(address: str | None, network: str) -> None:
    assert network_of(address) == network
