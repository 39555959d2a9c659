"""A sign-in that may be somebody else's, told to the person whose code it was (clause 21)."""

from collections.abc import Mapping

from libs.common.contracts.auth import SuspiciousSignIn
from services.mailbox.notification.wording import Addressees, Notification, Text, both

BROWSERS = {"chrome": "Chrome", "edge": "Edge", "firefox": "Firefox", "safari": "Safari"}
SYSTEMS = {
    "android": "Android",
    "ios": "iOS",
    "linux": "Linux",
    "macos": "macOS",
    "windows": "Windows",
}
UNKNOWN_BROWSER = {"fr": "un autre navigateur", "en": "another browser"}
ON = {"fr": "sous", "en": "on"}
REASONS: Mapping[str, Mapping[str, str]] = {
    "new-browser": {
        "fr": "Ni ce navigateur ni cet endroit n'avaient servi avec votre code au cours des derniers mois.",
        "en": "Neither this browser nor this place had been used with your code in recent months.",
    },
    "many-networks": {
        "fr": "Votre code a servi depuis plusieurs endroits en peu de temps.",
        "en": "Your code was used from several places in a short time.",
    },
    "spread-of-failures": {
        "fr": "Peu avant, de mauvais mots de passe avaient été essayés avec votre code depuis plusieurs endroits.",
        "en": "Shortly before, wrong passwords had been tried with your code from several places.",
    },
}


def of_suspicious_sign_in(event: SuspiciousSignIn) -> tuple[Notification, ...]:
    told = both(
        Addressees.PERSON,
        fr=Text(
            "Une ouverture de session inhabituelle",
            f"Le {{at}}, une session a été ouverte avec votre code d'utilisateur ({_browser(event, 'fr')}). "
            f"{_why(event, 'fr')}\n\nSi c'était vous, vous n'avez rien à faire. Sinon, changez votre mot de passe "
            "et signalez sans tarder un incident de sécurité\u00a0: votre code sera suspendu sur-le-champ. Si "
            "vous ne pouvez pas ouvrir de session, signalez-le par téléphone.",
        ),
        en=Text(
            "An unusual sign-in",
            f"On {{at}}, somebody signed in with your user code ({_browser(event, 'en')}). {_why(event, 'en')}\n\n"
            "If it was you, there is nothing to do. If not, change your password and report a security incident "
            "at once: your code is then suspended immediately. If you cannot sign in, report it by telephone.",
        ),
    )
    return (told,)


def _browser(event: SuspiciousSignIn, language: str) -> str:
    browser = BROWSERS.get(event.browser, UNKNOWN_BROWSER[language])
    system = SYSTEMS.get(event.system)
    return browser if system is None else f"{browser} {ON[language]} {system}"


def _why(event: SuspiciousSignIn, language: str) -> str:
    return " ".join(REASONS[reason][language] for reason in event.reasons)
