"""A second factor bound, taken away or replaced by a recovery code, told to its person (clause 20)."""

from collections.abc import Mapping

from libs.common.contracts.auth import (
    RecoveryCodeUsed,
    SecondFactorEnrolled,
    SecondFactorGuessed,
    SecondFactorRemoved,
)
from libs.common.contracts.envelope import Event
from services.mailbox.notification.wording import Addressees, Choose, Text, always, both

ENROLLED = both(
    Addressees.PERSON,
    fr=Text(
        "Un second facteur a été ajouté à votre code d'utilisateur",
        "Le {at}, un moyen de plus de prouver qui vous êtes a été ajouté à votre code d'utilisateur. Il vous sera "
        "demandé aux prochaines ouvertures de session. Si ce n'était pas vous, changez votre mot de passe et "
        "signalez sans tarder un incident de sécurité\u00a0: votre code sera suspendu sur-le-champ.",
    ),
    en=Text(
        "A second factor was added to your user code",
        "On {at}, one more way to prove who you are was added to your user code. You will be asked for it when "
        "you sign in. If it was not you, change your password and report a security incident at once: your code "
        "is then suspended immediately.",
    ),
)
REMOVED = both(
    Addressees.PERSON,
    fr=Text(
        "Un second facteur a été retiré de votre code d'utilisateur",
        "Le {at}, un second facteur a été retiré de votre code d'utilisateur\u00a0: il ne prouve plus qui vous "
        "êtes. Si vous ne l'avez ni fait ni demandé, signalez sans tarder un incident de sécurité\u00a0: votre "
        "code sera suspendu sur-le-champ.",
    ),
    en=Text(
        "A second factor was taken from your user code",
        "On {at}, a second factor was taken from your user code: it no longer proves who you are. If you neither "
        "did this nor asked for it, report a security incident at once: your code is then suspended immediately.",
    ),
)
RECOVERY_CODE_USED = both(
    Addressees.PERSON,
    fr=Text(
        "Un code de secours a servi",
        "Le {at}, un code de secours a remplacé votre second facteur. Il vous en reste {remaining}; vous pouvez "
        "en obtenir d'autres dans la page des seconds facteurs. Si ce n'était pas vous, changez votre mot de "
        "passe et signalez sans tarder un incident de sécurité\u00a0: votre code sera suspendu sur-le-champ.",
    ),
    en=Text(
        "A recovery code was used",
        "On {at}, a recovery code stood in for your second factor. You have {remaining} left; you can make new "
        "ones on the page of second factors. If it was not you, change your password and report a security "
        "incident at once: your code is then suspended immediately.",
    ),
)
GUESSED = both(
    Addressees.PERSON,
    fr=Text(
        "Quelqu'un essaie de deviner votre second facteur",
        "Le {at}, votre mot de passe a été suivi de plusieurs mauvais codes d'affilée. Personne n'est entré, et "
        "les codes ne sont plus examinés qu'à de longs intervalles. Si c'était vous, vous n'avez rien à faire. "
        "Sinon, quelqu'un connaît votre mot de passe\u00a0: changez-le et signalez sans tarder un incident de "
        "sécurité. Une clé d'accès ou un code de secours vous laisse entrer tout de même.",
    ),
    en=Text(
        "Somebody tries to guess your second factor",
        "On {at}, your password was followed by several wrong codes in a row. Nobody got in, and codes are "
        "now tried at long intervals only. If it was you, there is nothing to do. If not, somebody knows your "
        "password: change it and report a security incident at once. A passkey or a recovery code lets you in "
        "all the same.",
    ),
)
OF_SECOND_FACTORS: Mapping[type[Event], Choose] = {
    SecondFactorEnrolled: always(ENROLLED),
    SecondFactorGuessed: always(GUESSED),
    SecondFactorRemoved: always(REMOVED),
    RecoveryCodeUsed: always(RECOVERY_CODE_USED),
}
