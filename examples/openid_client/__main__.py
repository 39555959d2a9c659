"""`python -m examples.openid_client register | sign-in`: see docs/flows/tokens.md."""

import argparse
import os
import sys
from pathlib import Path

from requests_oauth2client import OAuth2Error

from examples.openid_client.browser import NotSignedIn
from examples.openid_client.registering import private_key, register
from examples.openid_client.story import play


def main(given: list[str]) -> int:
    arguments = _parser().parse_args(given)
    if arguments.command == "register":
        print(register(arguments.directory))
        return 0
    try:
        play(
            arguments.issuer,
            key=private_key(arguments.directory),
            user_code=arguments.user_code,
            password=os.environ["OPENID_CLIENT_PASSWORD"],
            tell=print,
        )
    except KeyError:
        print("Put the password into OPENID_CLIENT_PASSWORD.", file=sys.stderr)
        return 2
    except (NotSignedIn, OAuth2Error) as fault:
        print(f"The provider refused: {fault}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.openid_client")
    parser.add_argument("--directory", type=Path, default=Path(".local/openid_client"), help="keeps the key")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("register", help="make the key, and write the installation file that names the client")
    signing_in = commands.add_parser("sign-in", help="play the story; the password is in OPENID_CLIENT_PASSWORD")
    signing_in.add_argument("--issuer", default="http://127.0.0.1:18001")
    signing_in.add_argument("--user-code", required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
