"""Whether a password is known from a breach or easily guessed: slow enough to be kept off the event loop."""

from collections.abc import Iterable

import anyio.to_thread
from pydantic import SecretStr
from zxcvbn import zxcvbn

from services.auth.settings import AuthSettings
from services.auth.user_code.breached import BreachedPasswords
from services.auth.user_code.password_rules import (
    ESTIMATED,
    Demands,
    PasswordGuessable,
    PasswordTooCommon,
    estimated_part,
    guessing_words,
    is_mostly_known,
    normalise_password,
)
from services.auth.user_code.passwords import Threads


class Guessing:
    """One estimate at a time: the estimator keeps the words that it is given in a place shared by the process."""

    def __init__(self, settings: AuthSettings, breached: BreachedPasswords) -> None:
        self._threads = Threads(1, queue=settings.hashing_queue)
        self._breached = breached

    async def prepare(self) -> None:
        """Reads the set of breached passwords before the first person needs it."""
        await anyio.to_thread.run_sync(self._breached.refresh)

    async def require_hard_to_guess(
        self, password: SecretStr, *, demands: Demands, known_of_person: Iterable[str]
    ) -> None:
        """Raises PasswordTooCommon, PasswordGuessable, HashingBusy."""
        await self._threads.run(self._require, password, demands, guessing_words(known_of_person))

    def _require(self, password: SecretStr, demands: Demands, words: list[str]) -> None:
        plain = normalise_password(password.get_secret_value())
        if self._breached.contains(plain):
            raise PasswordTooCommon
        if is_mostly_known(plain, words=words, demands=demands):
            raise PasswordGuessable
        estimate = zxcvbn(estimated_part(plain), user_inputs=words, max_length=ESTIMATED)
        if float(estimate["guesses_log10"]) < demands.fewest_guesses:
            raise PasswordGuessable
