"""What the demo itself noted of each of its calls, to be compared with what the suite recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs
from uuid import UUID

import httpx

READS_BY_POST = ("/access/v1/evaluation",)
BROWSER_PATHS = ("/oauth/", "/sign-in", "/change-password", "/one-time-code")


@dataclass(frozen=True)
class Entry:
    service: str
    method: str
    path: str
    status: int
    correlation_id: str
    credential: str
    about: UUID | None

    @property
    def is_command(self) -> bool:
        return (
            self.method in {"POST", "PUT", "DELETE"}
            and self.status < httpx.codes.MULTIPLE_CHOICES
            and self.path not in READS_BY_POST
            and not self.path.startswith(BROWSER_PATHS)
        )


@dataclass
class Journal:
    """`services` are public addresses by name; `about` is the applicant that the calls are now made for."""

    services: Mapping[str, str]
    about: UUID | None = None
    entries: list[Entry] = field(default_factory=list)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(event_hooks={"response": [self._note]}, timeout=15, trust_env=False)

    async def _note(self, answer: httpx.Response) -> None:
        request = answer.request
        credential = _credential(request)
        service = next((name for name, url in self.services.items() if str(request.url).startswith(url)), None)
        if credential is None or service is None:
            return
        self.entries.append(
            Entry(
                service,
                request.method,
                request.url.path,
                answer.status_code,
                answer.headers["x-correlation-id"],
                credential,
                self.about,
            )
        )

    def adopt(self, about: UUID) -> None:
        """The last call was about an applicant whose id only its answer told."""
        self.about = about
        self.entries[-1] = replace(self.entries[-1], about=about)


def _credential(request: httpx.Request) -> str | None:
    """What a call carried that says who makes it, if anything."""
    if "authorization" in request.headers:
        return "token"
    if request.method == "POST" and request.url.path in {"/sign-in", "/change-password", "/one-time-code"}:
        return "sign-in"
    if request.url.path == "/oauth/token":
        grant = parse_qs(request.content.decode())["grant_type"][0]
        return "code" if grant == "authorization_code" else "client"
    if request.method == "POST" and request.url.path == "/v1/registrations":
        return "token"  # its answer is the session's token, and its record the session's first
    return "cookie" if "cookie" in request.headers else None
