"""Without an authorization no confidential information reaches a user (clause 14)."""

from collections.abc import Collection

from libs.common.errors import NotFound

PROVIDER = "provider"


class RecipientNotFound(NotFound):
    code = "recipient-not-found"
    en = "{recipient} is neither the provider nor a department that you are enrolled with."
    fr = "{recipient} n'est ni le fournisseur ni un ministère ou organisme auquel vous êtes inscrit."


def check_recipient(recipient: str, departments: Collection[str]) -> None:
    """`departments`: those the applicant is enrolled with. Raises RecipientNotFound."""
    if recipient != PROVIDER and recipient not in departments:
        raise RecipientNotFound(recipient=recipient)
