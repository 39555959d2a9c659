import itertools
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.auth.session import slowing
from services.auth.session.slowing import Attempts, Counts
from tests.unit.auth.test_user_code_rules import NOON

SECOND = timedelta(seconds=1)
OWNERS = "the owner's network"
EXPIRES = NOON + timedelta(days=180)


@dataclass
class Code:
    """One code that strangers on any number of networks try, each attempt failing."""

    of_all: Attempts
    of_code: Attempts
    networks: dict[str, Attempts] = field(default_factory=dict)
    pairs: dict[str, Attempts] = field(default_factory=dict)

    def knock(self, network: str, *, at: datetime) -> int:
        none = slowing.none_yet(at)
        known = Counts(self.of_all, self.networks.get(network, none), self.of_code, self.pairs.get(network, none))
        counts, wait = slowing.hear_stranger(known, at=at)
        self.of_all, self.of_code = counts.of_all, counts.of_code
        self.networks[network], self.pairs[network] = counts.of_network, counts.of_code_and_network
        return wait


def new_code() -> Code:
    return Code(slowing.none_yet(NOON), slowing.none_yet(NOON))


def seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())


@given(st.integers(min_value=1, max_value=60))
def test_each_attempt_beyond_the_free_ones_waits_longer_up_to_a_bound(number: int) -> None:
    attempts = slowing.none_yet(NOON)
    for _ in range(number):
        attempts = slowing.count(attempts, slowing.OF_CODE_AND_NETWORK, at=NOON)
    wait = slowing.wait_seconds(attempts, at=NOON)
    assert (wait == 0) == (number < slowing.OF_CODE_AND_NETWORK.free)
    assert wait <= seconds(slowing.OF_CODE_AND_NETWORK.longest) + 1


def test_attempts_are_forgotten_after_an_hour() -> None:
    many = replace(slowing.none_yet(NOON), failures=50)
    later = NOON + slowing.OF_CODE_AND_NETWORK.forgotten + SECOND
    assert slowing.count(many, slowing.OF_CODE_AND_NETWORK, at=later).failures == 1


knocks = st.lists(
    st.tuples(st.integers(min_value=0, max_value=60), st.integers(min_value=0, max_value=900)),
    max_size=300,
)


@given(st.integers(min_value=0, max_value=100), knocks, knocks)
def test_whatever_strangers_do_elsewhere_an_owner_waits_once_and_no_longer_than_the_bound(
    failures: int, before: list[tuple[int, int]], meanwhile: list[tuple[int, int]]
) -> None:
    code, at = new_code(), NOON
    code.of_code = replace(code.of_code, failures=failures, kept_until=NOON + timedelta(days=1))
    for network, pause in before:
        at += timedelta(seconds=pause / 10)
        code.knock(f"stranger {network}", at=at)
    wait = code.knock(OWNERS, at=at)
    assert wait <= seconds(slowing.LONGEST_WAIT_WITHOUT_DEVICE) + 1
    heard_at = at + timedelta(seconds=wait)
    for network, pause in meanwhile:
        at = min(at + timedelta(seconds=pause / 10), heard_at)
        code.knock(f"stranger {network}", at=at)
    assert wait == 0 or code.knock(OWNERS, at=heard_at) == 0


def test_a_guess_spread_over_ten_thousand_networks_gets_one_try_per_network_and_wait() -> None:
    code = new_code()
    heard = sum(code.knock(f"stranger {number}", at=NOON) == 0 for number in range(10_000))
    assert heard == slowing.OF_CODE.free
    soon = NOON + slowing.OF_CODE.longest - timedelta(minutes=1)
    assert all(code.knock(f"stranger {number}", at=soon) for number in range(100, 10_000))
    later = NOON + slowing.OF_CODE.longest + SECOND
    again = [code.knock(f"stranger {number}", at=later) for number in range(100, 10_000)]
    assert not any(again)
    assert all(code.knock(f"stranger {number}", at=later + SECOND) for number in range(100, 10_000))


@given(st.integers(min_value=0, max_value=3000))
def test_a_flood_over_all_codes_makes_newcomers_wait_a_little(failures: int) -> None:
    flooded = replace(slowing.none_yet(NOON), failures=failures, kept_until=NOON + timedelta(hours=1))
    code = replace(new_code(), of_all=flooded)
    wait = code.knock(OWNERS, at=NOON)
    assert (wait > 0) == (failures >= slowing.OF_ALL.free)
    assert wait <= seconds(slowing.OF_ALL.longest) + 1


def test_who_must_wait_counts_for_its_network_and_for_no_other() -> None:
    code = new_code()
    for number in range(slowing.OF_CODE.free):
        code.knock(f"stranger {number}", at=NOON)
    spent, all_spent = code.of_code, code.of_all
    assert code.knock(OWNERS, at=NOON) > 0
    assert (code.of_code, code.of_all) == (spent, all_spent)
    assert code.networks[OWNERS].failures == 1


@given(st.lists(st.integers(min_value=0, max_value=7 * 86_400), max_size=40))
def test_a_device_that_failed_too_often_is_put_out_for_as_long_as_its_cookie_lives(pauses: list[int]) -> None:
    attempts, at, failures = slowing.none_yet(NOON), NOON, 0
    for pause in pauses:
        at += timedelta(seconds=pause)
        heard = slowing.hear_device(attempts, expires_at=EXPIRES, at=at)
        assert (heard is None) == (failures >= slowing.FAILURES_OF_DEVICE and at <= EXPIRES)
        if heard is None:
            continue
        attempts, failures = heard, failures + 1
        if at > EXPIRES:
            return


def test_a_device_spends_nothing_that_strangers_spend() -> None:
    heard = slowing.hear_device(slowing.none_yet(NOON), expires_at=EXPIRES, at=NOON)
    assert heard is not None
    assert slowing.wait_seconds(heard, at=NOON) == 0


@dataclass
class Owner:
    """Of a second factor whose codes are guessed by somebody who has the password, from any number of networks."""

    known: Attempts
    heard_at: list[datetime] = field(default_factory=list)

    def knock(self, *, at: datetime) -> int:
        self.known, wait = slowing.hear_owner(self.known, at=at)
        if not wait:
            self.heard_at.append(at)
        return wait


def new_owner() -> Owner:
    return Owner(slowing.none_yet(NOON))


@given(st.lists(st.integers(min_value=0, max_value=3 * 86_400), max_size=60))
def test_however_guesses_at_a_code_are_spread_an_owner_hears_a_hundred_a_day(pauses: list[int]) -> None:
    owner, at = new_owner(), NOON
    for pause in pauses:
        at += timedelta(seconds=pause)
        while owner.knock(at=at) == 0:
            pass
    beyond = owner.heard_at[slowing.OF_OWNER.free + 10 :]
    longest = slowing.OF_OWNER.longest
    assert all(later - earlier >= longest for earlier, later in itertools.pairwise(beyond))


def test_a_guesser_who_never_rests_is_heard_a_hundred_and_twenty_times_in_a_day_and_a_hundred_in_the_next() -> (
    None
):
    owner = new_owner()
    for second in range(2 * 86_400):
        owner.knock(at=NOON + timedelta(seconds=second))
    first_day = [at for at in owner.heard_at if at < NOON + timedelta(days=1)]
    assert len(first_day) <= 120
    assert len(owner.heard_at) - len(first_day) <= 96


@given(st.integers(min_value=1, max_value=40))
def test_a_few_wrong_codes_cost_an_owner_nothing_and_the_slowing_begins_once(number: int) -> None:
    owner, begun = new_owner(), 0
    for _ in range(number):
        owner.knock(at=NOON)
        begun += slowing.begins_to_slow(owner.known)
        owner.known = replace(owner.known, blocked_until=owner.known.last_at)
    assert slowing.is_slowed(owner.known) == (number >= slowing.OF_OWNER.free)
    assert begun == (number >= slowing.OF_OWNER.free)


def test_to_wait_until_failures_are_forgotten_gives_fewer_guesses_than_to_go_on() -> None:
    bursts = timedelta(days=365) / slowing.OF_OWNER.forgotten
    until_longest = int(slowing.OF_OWNER.longest.total_seconds()).bit_length()
    per_burst = slowing.OF_OWNER.free + until_longest
    assert bursts * per_burst < timedelta(days=365) / slowing.OF_OWNER.longest / 10
