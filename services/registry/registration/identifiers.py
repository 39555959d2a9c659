"""The three numbers that a business goes by."""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

# The Registraire des entreprises gives the first two digits: 11 legal persons, 22 sole proprietorships,
# 33 partnerships and other groups, 88 public authorities; it publishes no check digit.
# https://www.quebec.ca/en/businesses-and-self-employed-workers/find-information-about-enterprise/search-enterprise-register/description-information-file
NEQ_PATTERN = r"^(11|22|33|88)[0-9]{8}$"
NEQ = re.compile(NEQ_PATTERN)
NEQ_PREFIXES = {
    "individual": ("22",),
    "partnership": ("33",),
    "corporation": ("11",),
    "other": ("11", "33", "88"),
}
TWO_DIGITS = 10


def is_neq(text: str) -> bool:
    return NEQ.fullmatch(text) is not None


def has_check_digit(digits: str) -> bool:
    """Luhn (ISO/IEC 7812-1, annex B), as the Canada Revenue Agency ends its business numbers."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 else 1)
        total += doubled - 9 if doubled >= TWO_DIGITS else doubled
    return total % 10 == 0


def _checked(digits: str) -> str:
    if not has_check_digit(digits):
        raise ValueError("the check digit does not fit")
    return digits


Neq = Annotated[str, StringConstraints(pattern=NEQ_PATTERN)]
BusinessNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$"), AfterValidator(_checked)]
IdentificationNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{10}$")]
