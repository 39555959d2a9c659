from functools import partial

from libs.common.contracts.auth import UserCodeActivated
from libs.common.contracts.registry import (
    AccessReactivated,
    AccessSuspended,
    DepartmentRegistered,
    DesignationFormAccepted,
    EnrolmentActivated,
    OnlineServicePublished,
    PersonInChargeDesignated,
    RegistrationActivated,
    RegistrationCancelled,
    RegistrationReactivated,
    RegistrationRejected,
)
from libs.common.inbox import Handler, handlers_of
from libs.common.key_files import read_key
from libs.common.settings import ServiceSettings, own_settings
from libs.common.standing_events import AUTH_STANDING, REGISTRY_STANDING
from services.delegation.applicant.commands import note_activated_code, note_enrolment, note_state_event
from services.delegation.catalogue.commands import note_department, note_online_service
from services.delegation.person_in_charge.commands import (
    note_activated,
    note_designated,
    note_form_accepted,
    note_rejected,
)
from services.delegation.settings import DelegationSettings


def handlers(settings: ServiceSettings) -> dict[str, Handler]:
    """Raises KeyFileFault."""
    key = read_key(own_settings(settings, DelegationSettings).pairwise_key_file)
    return {
        **REGISTRY_STANDING,
        **AUTH_STANDING,
        **handlers_of(
            (DepartmentRegistered, note_department),
            (OnlineServicePublished, note_online_service),
            (PersonInChargeDesignated, partial(note_designated, pairwise_key=key)),
            (RegistrationActivated, note_activated),
            (DesignationFormAccepted, note_form_accepted),
            (RegistrationRejected, note_rejected),
            (EnrolmentActivated, partial(note_enrolment, pairwise_key=key)),
            (AccessSuspended, note_state_event),
            (AccessReactivated, note_state_event),
            (RegistrationCancelled, note_state_event),
            (RegistrationReactivated, note_state_event),
            (UserCodeActivated, note_activated_code),
        ),
    }
