from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from libs.common.clock import now
from libs.common.proposal.api import proposal_routes
from libs.common.service import Resources, Service
from libs.common.sweeping import every_in_rounds
from services.auth import assets_api, lost_api
from services.auth.agent_account import api as agent_account_api
from services.auth.authorization import api as authorization_api
from services.auth.authorization import (
    discovery_api,
    introspection_api,
    pushed_api,
    revocation_api,
    token_api,
    userinfo_api,
)
from services.auth.authorization.commands import forget_old as forget_old_grants
from services.auth.authorization.pushed import forget_old_pushed
from services.auth.client import api as client_api
from services.auth.client.commands import forget_old_assertions
from services.auth.consumers import HANDLERS
from services.auth.fault_pages import show_fault_pages
from services.auth.incident import api as incident_api
from services.auth.incident.commands import pass_on_silent_incidents
from services.auth.installation import install
from services.auth.parts import prepare as prepare_parts
from services.auth.second_factor import api as second_factor_api
from services.auth.second_factor import me_api as own_second_factors_api
from services.auth.second_factor.commands import forget_old as forget_old_factors
from services.auth.session import api as session_api
from services.auth.session import (
    attempts,
    change_password_api,
    choose_applicant_api,
    conditions_api,
    consent_api,
    decline_api,
    language_api,
    logout_api,
    one_time_code_api,
    open_sessions_api,
    own_password_api,
    own_software_api,
)
from services.auth.session.commands import end_expired_sessions
from services.auth.session.logout_delivery import deliver_logouts
from services.auth.session.logout_delivery import forget_old as forget_old_logouts
from services.auth.session.old_sessions import forget_old as forget_old_sessions
from services.auth.session.representation import forget_old_choices
from services.auth.session.sent_again_page import meet_forms_sent_again
from services.auth.session.step_up import forget_old_step_ups
from services.auth.session.watching import forget_old_marks
from services.auth.settings import AuthSettings
from services.auth.signing_key import api as signing_key_api
from services.auth.signing_key.commands import forget_retired
from services.auth.signing_key.operation import run_signing_keys
from services.auth.two_persons import TWO_PERSONS
from services.auth.user_code import api as user_code_api
from services.auth.user_code import disuse_api, recovery_api, suspension_api
from services.auth.user_code.breached_operation import run_breached_passwords
from services.auth.user_code.disuse import watch_disuse
from services.auth.user_code.dormancy import remove_unnamed_codes, revoke_dormant_codes


def _settings(resources: Resources) -> AuthSettings:
    if not isinstance(resources.settings, AuthSettings):
        raise TypeError("auth needs its own settings")
    return resources.settings


async def sweep_codes(resources: Resources) -> None:
    await remove_unnamed_codes(resources.database, _settings(resources), resources.freshness)


async def sweep_dormant(resources: Resources) -> None:
    await revoke_dormant_codes(resources.database, _settings(resources), resources.freshness)


async def sweep_disuse(resources: Resources) -> None:
    await watch_disuse(resources.database, _settings(resources))


async def sweep_sessions(resources: Resources) -> None:
    await end_expired_sessions(resources.database, _settings(resources))


async def sweep_incidents(resources: Resources) -> None:
    await pass_on_silent_incidents(resources.database)


async def sweep_expired(resources: Resources) -> None:
    async with resources.database.transaction() as tx:
        await forget_retired(tx, at=now())
    every = (
        forget_old_grants,
        forget_old_pushed,
        forget_old_assertions,
        attempts.forget_old,
        forget_old_factors,
        forget_old_step_ups,
        forget_old_marks,
        forget_old_logouts,
        forget_old_choices,
    )
    kept = timedelta(days=_settings(resources).session_record_days)
    await every_in_rounds(
        resources.database,
        *(partial(forget, at=now()) for forget in every),
        partial(forget_old_sessions, at=now(), kept=kept),
    )


async def prepare(apps: Sequence[FastAPI], resources: Resources) -> None:
    await prepare_parts(apps, resources)
    public, *_ = apps
    show_fault_pages(public)
    meet_forms_sent_again(public)


SERVICE = Service(
    name="auth",
    folder=Path(__file__).parent,
    settings=AuthSettings,
    public_routers=[
        discovery_api.router,
        signing_key_api.router,
        authorization_api.router,
        pushed_api.router,
        token_api.router,
        userinfo_api.router,
        introspection_api.router,
        revocation_api.router,
        session_api.router,
        one_time_code_api.router,
        change_password_api.router,
        conditions_api.router,
        choose_applicant_api.router,
        consent_api.router,
        decline_api.router,
        logout_api.router,
        incident_api.router,
        open_sessions_api.router,
        second_factor_api.router,
        own_second_factors_api.router,
        own_password_api.router,
        own_software_api.router,
        assets_api.router,
        lost_api.router,
        language_api.router,
        suspension_api.router,
        recovery_api.router,
        agent_account_api.router,
        client_api.router,
        disuse_api.router,
        proposal_routes(TWO_PERSONS),
    ],
    internal_routers=[
        signing_key_api.router,
        token_api.router,
        introspection_api.router,
        user_code_api.router,
    ],
    publishers=("registry", "delegation"),
    handlers=lambda _settings: HANDLERS,
    prepare=prepare,
    sweeps=(
        sweep_codes,
        sweep_dormant,
        sweep_disuse,
        sweep_sessions,
        sweep_incidents,
        sweep_expired,
    ),
    alongside=(deliver_logouts,),
    operations={
        "install": install,
        "signing-keys": run_signing_keys,
        "breached-passwords": run_breached_passwords,
    },
)
