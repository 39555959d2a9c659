"""Stands in for a service where only the starting and stopping of programs is looked at."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

FRESHNESS = {
    "publishers": {"auth": {"age_seconds": 0.5, "fresh": True}},
    "fresh": True,
    "parked": 0,
    "lag": 0,
}


class Answers(BaseHTTPRequestHandler):
    body: ClassVar[bytes] = json.dumps(FRESHNESS).encode()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)


def main(command: str) -> None:
    print(command, flush=True)  # noqa: T201
    if os.environ.get("STAND_IN_FAILS") == command:
        sys.exit(f"{command} cannot go on")
    if command in {"api", "worker"}:
        port = os.environ["CLICSEQUR_INTERNAL_PORT" if command == "api" else "CLICSEQUR_WORKER_PORT"]
        ThreadingHTTPServer(("127.0.0.1", int(port)), Answers).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
