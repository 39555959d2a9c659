from dataclasses import dataclass, field, replace

from services.auth.authorization import rules
from services.auth.client.rules import Client, ClientKind
from services.auth.parameters import Parameters

ISSUER = "https://auth.example"
ADDRESS = "https://books.example/callback"
BOOKS = Client(*("books", ClientKind.SOFTWARE, None, "Livres", "Books", (ADDRESS,), (), (), ()), software="books")
ASKED = {
    "client_id": ["books"],
    "redirect_uri": [ADDRESS],
    "response_type": ["code"],
    "scope": ["openid"],
    "code_challenge": ["A" * 43],
    "code_challenge_method": ["S256"],
}


@dataclass(frozen=True)
class Watched(Parameters):
    """Notes what is asked of it."""

    asked: set[str] = field(default_factory=set)

    def one(self, name: str) -> str | None:
        self.asked.add(name)
        return super().one(name)

    def every(self, name: str) -> list[str]:
        self.asked.add(name)
        return super().every(name)


def test_the_parameters_that_are_read_are_those_that_are_named() -> None:
    watched = Watched(ASKED)
    rules.registered_redirect(BOOKS, watched)
    rules.read_request(replace(BOOKS, require_pkce=False), watched, issuer=ISSUER, language="en")
    rules.read_conduct(watched)
    rules.choose_locale(watched, preferred="en")
    # The client's name, and what a signed object or a pushed request has in their stead.
    assert watched.asked | {"client_id"} == rules.READ | {"request", "request_uri"}
