"""What happened to a user code or its password, told to its person and to others (clauses 12, 13, 20)."""

from collections.abc import Mapping

from libs.common.contracts.auth import (
    CredentialsReset,
    PasswordChanged,
    PasswordGivenUp,
    TwoPersonCommandExecuted,
    UserCodeDisused,
    UserCodeReactivated,
    UserCodeRevoked,
    UserCodeSuspended,
)
from libs.common.contracts.envelope import Event
from services.mailbox.notification.wording import Addressees, Choose, Notification, Text, always, both

DISUSED_SOON = both(
    Addressees.PERSON,
    fr=Text(
        "Votre code d'utilisateur ne sert plus",
        "Votre code d'utilisateur n'a pas servi depuis longtemps. S'il ne sert pas d'ici là, il sera suspendu le "
        "{held_at}. Pour le garder, ouvrez une session. Si vous n'en avez plus besoin, ou si vous croyez vous en "
        "être servi, avisez un responsable des services électroniques du demandeur.",
    ),
    en=Text(
        "Your user code is not used any more",
        "Your user code has not been used for a long time. Unless it is used before, it will be suspended on "
        "{held_at}. To keep it, sign in. If you no longer need it, or believe that you did use it, tell one of "
        "the applicant's persons in charge of online services.",
    ),
)
OWN_CODE_SUSPENDED = both(
    Addressees.PERSON,
    fr=Text(
        "Votre code d'utilisateur est suspendu",
        "Le {at}, votre code d'utilisateur a été suspendu et vos sessions ont été terminées. Si vous n'en "
        "connaissez pas la raison, communiquez avec un responsable des services électroniques du demandeur ou "
        "avec le fournisseur de services. Si vous croyez que quelqu'un d'autre s'est servi de votre code, "
        "dites-le-leur.",
    ),
    en=Text(
        "Your user code is suspended",
        "On {at}, your user code was suspended and your sessions were ended. If you do not know why, ask one of"
        " the applicant's persons in charge of online services or the service provider. If you believe that "
        "somebody else used your code, tell them so.",
    ),
)
OWN_CODE_DISUSED = both(
    Addressees.PERSON,
    fr=Text(
        "Votre code d'utilisateur est suspendu parce qu'il ne sert plus",
        "Le {at}, votre code d'utilisateur a été suspendu parce qu'il n'a pas servi depuis longtemps. Ouvrez "
        "une session restreinte dans le portail et confirmez votre dossier pour le rétablir. Si ce n'est pas "
        "vous qui avez cessé de vous en servir, ou si vous n'en avez plus besoin, avisez un responsable des "
        "services électroniques du demandeur.",
    ),
    en=Text(
        "Your user code is suspended because it is not used",
        "On {at}, your user code was suspended because it had not been used for a long time. Open a restricted "
        "session in the portal and confirm your file to restore it. If you did use it, or no longer need it, "
        "tell one of the applicant's persons in charge of online services.",
    ),
)
CODE_SUSPENDED = both(
    Addressees.PEERS,
    fr=Text(
        "Un code d'utilisateur du demandeur est suspendu",
        "Le {at}, un code d'utilisateur du demandeur a été suspendu et ses sessions ont été terminées. La liste"
        " des personnes et de leurs codes dit lequel. Si la suspension ne vient pas de votre organisation et "
        "que vous n'en connaissez pas la raison, communiquez avec le fournisseur de services.",
    ),
    en=Text(
        "A user code of the applicant is suspended",
        "On {at}, a user code of the applicant was suspended and its sessions were ended. The list of persons "
        "and their codes says which. If your organization did not suspend it and you do not know why, ask the "
        "service provider.",
    ),
)
OWN_CODE_REACTIVATED = both(
    Addressees.PERSON,
    fr=Text(
        "Votre code d'utilisateur est rétabli",
        "Le {at}, la dernière suspension de votre code d'utilisateur a été levée. Vous pouvez ouvrir une "
        "session. Si vous ne vous attendiez pas à ce rétablissement, communiquez avec un responsable des "
        "services électroniques du demandeur ou avec le fournisseur de services.",
    ),
    en=Text(
        "Your user code works again",
        "On {at}, the last suspension of your user code was lifted. You can sign in. If you did not expect "
        "this, ask one of the applicant's persons in charge of online services or the service provider.",
    ),
)
CODE_REACTIVATED = both(
    Addressees.PEERS,
    fr=Text(
        "Un code d'utilisateur du demandeur est rétabli",
        "Le {at}, la dernière suspension d'un code d'utilisateur du demandeur a été levée. Si vous ne deviez "
        "pas vous y attendre, suspendez le code et communiquez avec le fournisseur de services.",
    ),
    en=Text(
        "A user code of the applicant works again",
        "On {at}, the last suspension of a user code of the applicant was lifted. If you had no reason to "
        "expect this, suspend the code and tell the service provider.",
    ),
)
# A revoked code opens no box: its own person reads nothing here.
CODE_REVOKED = both(
    Addressees.PEERS,
    fr=Text(
        "Un code d'utilisateur du demandeur est révoqué",
        "Le {at}, un code d'utilisateur du demandeur a été révoqué pour toujours et ses sessions ont été "
        "terminées. La liste des personnes et de leurs codes dit lequel. Si cette révocation n'était pas "
        "voulue, communiquez avec le fournisseur de services; seul un nouveau code redonne l'accès à la "
        "personne.",
    ),
    en=Text(
        "A user code of the applicant is revoked",
        "On {at}, a user code of the applicant was revoked for ever and its sessions were ended. The list of "
        "persons and their codes says which. If nobody meant this, tell the service provider; only a new code "
        "gives the person access again.",
    ),
)
OWN_PASSWORD_RESET = both(
    Addressees.PERSON,
    fr=Text(
        "Votre mot de passe a été réinitialisé",
        "Le {at}, votre mot de passe a été remplacé par un mot de passe à usage unique et vos sessions ont été "
        "terminées. Si vous ne l'avez pas demandé, quelqu'un d'autre a peut-être reçu ce mot de passe\u00a0: "
        "signalez sans tarder un incident de sécurité, ou communiquez avec un responsable des services "
        "électroniques du demandeur ou avec le fournisseur de services.",
    ),
    en=Text(
        "Your password was reset",
        "On {at}, your password was replaced by a one-time password and your sessions were ended. If you did "
        "not ask for this, somebody else may have been given that password: report a security incident at once,"
        " or tell one of the applicant's persons in charge of online services or the service provider.",
    ),
)
PASSWORD_RESET_BY_PROVIDER = both(
    Addressees.PEERS,
    fr=Text(
        "Le mot de passe d'un responsable des services électroniques a été réinitialisé",
        "Le {at}, le fournisseur de services a réinitialisé le mot de passe d'un autre responsable des services"
        " électroniques du demandeur, après que deux agents ont vérifié son identité. Si cette personne ne l'a "
        "pas demandé, suspendez son code d'utilisateur et signalez un incident de sécurité.",
    ),
    en=Text(
        "A person in charge's password was reset",
        "On {at}, the service provider reset the password of another of the applicant's persons in charge of "
        "online services, after two agents had checked their identity. If that person did not ask for it, "
        "suspend their user code and report a security incident.",
    ),
)
PASSWORD_CHANGED = both(
    Addressees.PERSON,
    fr=Text(
        "Votre mot de passe a été changé",
        "Le {at}, le mot de passe de votre code d'utilisateur a été changé et vos autres sessions ont été "
        "terminées. Si ce n'était pas vous, signalez sans tarder un incident de sécurité\u00a0: le code sera "
        "suspendu sur-le-champ. Si vous ne pouvez plus ouvrir de session, signalez-le par téléphone.",
    ),
    en=Text(
        "Your password was changed",
        "On {at}, the password of your user code was changed and your other sessions were ended. If it was not "
        "you, report a security incident at once: the code is then suspended immediately. If you can no longer "
        "sign in, report it by telephone.",
    ),
)
PASSWORD_GIVEN_UP = both(
    Addressees.PERSON,
    fr=Text(
        "Votre code d'utilisateur n'a plus de mot de passe",
        "Le {at}, le mot de passe de votre code d'utilisateur a été abandonné et vos autres sessions ont été "
        "terminées. Seules vos clés d'accès ouvrent maintenant une session. Si ce n'était pas vous, signalez sans "
        "tarder un incident de sécurité\u00a0: le code sera suspendu sur-le-champ. Si vous ne pouvez plus ouvrir "
        "de session, signalez-le par téléphone.",
    ),
    en=Text(
        "Your user code has no password any more",
        "On {at}, the password of your user code was given up and your other sessions were ended. Only your "
        "passkeys sign you in now. If it was not you, report a security incident at once: the code is then "
        "suspended immediately. If you can no longer sign in, report it by telephone.",
    ),
)
# What two agents did, by the name of the command; any other command is told without.
COMMANDS: Mapping[str, Mapping[str, str]] = {
    "revoke_person_in_charge": {
        "fr": "révoquer le code d'utilisateur d'un responsable des services électroniques",
        "en": "revoke the user code of a person in charge of online services",
    },
    "revoke_all_user_codes": {
        "fr": "révoquer plusieurs codes d'utilisateur du demandeur",
        "en": "revoke several of the applicant's user codes",
    },
    "cancel_registration": {
        "fr": "annuler l'inscription du demandeur à clicSÉQUR",
        "en": "cancel the applicant's registration for clicSÉQUR",
    },
    "change_representative": {
        "fr": "inscrire un autre représentant autorisé du demandeur",
        "en": "register another authorized representative of the applicant",
    },
}
# The event of the reset itself tells everybody whom this would.
TOLD_BY_THEIR_OWN_EVENT = frozenset({"reset_person_in_charge"})
ANY_COMMAND: Mapping[str, str] = {
    "fr": "prendre une décision qui exige deux personnes",
    "en": "take a decision that needs two persons",
}


def _of_suspension(event: UserCodeSuspended) -> tuple[Notification, ...]:
    """An incident tells the others by itself."""
    if event.told_otherwise:
        return (OWN_CODE_SUSPENDED,)
    return (OWN_CODE_DISUSED if event.leaves_recourse else OWN_CODE_SUSPENDED, CODE_SUSPENDED)


def _of_reactivation(event: UserCodeReactivated) -> tuple[Notification, ...]:
    return () if event.told_otherwise else (OWN_CODE_REACTIVATED, CODE_REACTIVATED)


def _of_reset(event: CredentialsReset) -> tuple[Notification, ...]:
    if event.by == "provider":
        return (OWN_PASSWORD_RESET, PASSWORD_RESET_BY_PROVIDER)
    return (OWN_PASSWORD_RESET,)


def _of_change(event: PasswordChanged) -> tuple[Notification, ...]:
    return () if event.was_first_use else (PASSWORD_CHANGED,)


def _of_command(event: TwoPersonCommandExecuted) -> tuple[Notification, ...]:
    if event.command in TOLD_BY_THEIR_OWN_EVENT:
        return ()
    what = COMMANDS.get(event.command, ANY_COMMAND)
    told = both(
        Addressees.PERSONS_IN_CHARGE,
        fr=Text(
            "Deux agents ont pris une décision au sujet du demandeur",
            f"Le {{executed_at}}, deux agents du fournisseur de services ont agi ensemble pour {what['fr']}. Si"
            " le demandeur ne l'a pas demandé et que vous n'en connaissez pas la raison, communiquez sans "
            "tarder avec le fournisseur de services.",
        ),
        en=Text(
            "Two agents decided something about the applicant",
            f"On {{executed_at}}, two of the service provider's agents acted together to {what['en']}. If the "
            "applicant did not ask for it and you do not know why, tell the service provider at once.",
        ),
    )
    return (told,)


OF_USER_CODES: Mapping[type[Event], Choose] = {
    UserCodeSuspended: _of_suspension,
    UserCodeDisused: always(DISUSED_SOON),
    UserCodeReactivated: _of_reactivation,
    UserCodeRevoked: always(CODE_REVOKED),
    CredentialsReset: _of_reset,
    PasswordChanged: _of_change,
    PasswordGivenUp: always(PASSWORD_GIVEN_UP),
    TwoPersonCommandExecuted: _of_command,
}
