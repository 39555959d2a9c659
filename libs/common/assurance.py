"""How well somebody's presence is proved: levels of `acr`, lowest first (OpenID Connect Core §2, RFC 9470)."""

PASSWORD = "urn:clicsequr:acr:password"  # noqa: S105 - a name of a level
TWO_FACTOR = "urn:clicsequr:acr:two-factor"
PASSKEY = "urn:clicsequr:acr:passkey"
LEVELS = (PASSWORD, TWO_FACTOR, PASSKEY)


def is_enough(acr: str | None, required: str | None) -> bool:
    """Whether `acr` reaches `required`; an unknown level reaches nothing, and nothing reaches it."""
    if required is None:
        return True
    return acr in LEVELS and required in LEVELS and LEVELS.index(acr) >= LEVELS.index(required)
