"""Who else has a code of the same applicant."""

from deploy.local.environment import Platform
from libs.common.contracts.delegation import UserAdded
from libs.common.contracts.registry import ClearedPerson, DesignationFormAccepted
from libs.common.ids import new_id
from tests.integration.auth import parties
from tests.integration.auth.parties import Person, new_browser
from tests.kit import Running


async def new_peer(service: Running, platform: Platform, person: Person) -> Person:
    """Another person in charge, whose password is chosen."""
    peer = await parties.assign(service, applicant_id=person.applicant_id)
    await parties.tell(service, parties.designated(peer))
    cleared = [ClearedPerson(person_id=new_id(), user_code_id=peer.user_code_id)]
    await parties.tell(service, DesignationFormAccepted(applicant_id=person.applicant_id, cleared=cleared))
    return await _used(service, platform, peer)


async def new_user(service: Running, platform: Platform, person: Person) -> Person:
    """A user, whose password is chosen."""
    user = await parties.assign(service, applicant_id=person.applicant_id, by="delegation")
    added = UserAdded(
        applicant_id=user.applicant_id,
        user_id=new_id(),
        user_code_id=user.user_code_id,
        given_name="Ugo",
        family_name="Gagnon",
        language="en",
        email="ugo@example.org",
    )
    await parties.tell(service, added, publisher="delegation")
    return await _used(service, platform, user)


async def _used(service: Running, platform: Platform, person: Person) -> Person:
    await parties.first_sign_in(new_browser(service), parties.client(service, platform), person)
    return person
