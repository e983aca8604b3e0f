"""Which passwords may be set: long, not guessable, not leaked. No rule of composition.

OWASP ASVS 5.0 §6.2: 12 to 128 characters (§6.2.1, §6.2.9), none of those that attackers
try first (§6.2.4), nothing made of the person's or the installation's own words
(§6.2.11), none of a leaked set where the operator has one (§6.2.12); no composition
(§6.2.5) and no forced change (§6.2.10). Django's validators, named in the settings.

Lists of common passwords stop being useful at 12 characters: two public ones of 20,000
and 30,000 words have 351 of them. What people do to reach 12 is known instead: double a
word, add a year, walk along the keyboard, write 4 for A. So the guesses are counted that a
cracker with those habits needs (zxcvbn), and fewer than ten thousand million are too few.
"""

import threading
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from identity.accounts.breached import is_breached
from identity.accounts.hashers import one_form
from kernel.database.scope import across
from orgs.models import Membership, User

SHORTEST = 12
LONGEST = 128
FEWEST_GUESSES_LOG10 = 10.0
_ESTIMATED = 72
_MOST_SUBSTITUTES = 12
_MOST_WORDS = 100
# What zxcvbn takes for letters in disguise. It tries every assignment of those that occur:
# twenty of them take seconds, twelve a twelfth of one.
_SUBSTITUTES = "4@8({[<369&1!|70$5+%2"
_SHORTEST_OWN_WORD = 4
_FEWEST_OTHER_LETTERS = 8
_OWN_WORDS = "it is made of your name, your address or your organization"
_ADVICE = (
    "Take four or more words that have nothing to do with each other, or let a password "
    "manager make one."
)

_one_at_a_time = threading.Lock()


class Length:
    """Between 12 and 128 characters, counted as they are hashed (NFKC)."""

    def validate(self, password: str, user: Any = None) -> None:  # noqa: ARG002 - Django's signature
        """Raise `ValidationError` for a password that is too short or too long."""
        length = len(one_form(password))
        if length < SHORTEST:
            raise ValidationError(
                f"This password is too short: it has {length} characters and needs at least "
                f"{SHORTEST}. {_ADVICE}",
                code="password_too_short",
            )
        if length > LONGEST or len(password) > 4 * LONGEST:
            raise ValidationError(
                f"This password is too long: {LONGEST} characters are the most.",
                code="password_too_long",
            )

    def get_help_text(self) -> str:
        """Say the rule beside the field."""
        return f"At least {SHORTEST} characters. Any characters will do; several words are best."


class Guessable(CommonPasswordValidator):
    """Takes more guesses than a patient attacker has."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise `ValidationError` for a password that is easily guessed, and say why."""
        password = one_form(password)
        if len(password) < SHORTEST:
            return
        if password.lower().strip() in self.passwords:
            raise _refused("it is one of the passwords that attackers try first")
        path = settings.STEWARD_BREACHED_PASSWORDS_FILE
        if path and is_breached(path, password):
            raise _refused("it was found among passwords that leaked elsewhere")
        words = list(dict.fromkeys(_words_of(user)))[:_MOST_WORDS]
        if _rest(password, words) < _FEWEST_OTHER_LETTERS:
            raise _refused(_OWN_WORDS)
        # Of a long one the beginning and the end are looked at; either may carry it.
        parts = {password[:_ESTIMATED], password[-_ESTIMATED:]}
        estimates = [_estimate(part, words) for part in parts]
        best = max(estimates, key=lambda estimate: float(estimate["guesses_log10"]))
        if best["guesses_log10"] < FEWEST_GUESSES_LOG10:
            raise _refused(_reason(best["sequence"]))

    def get_help_text(self) -> str:
        """Say the rule beside the field."""
        return "Nothing easy to guess: a common password, a date, your name or organization."


def _refused(reason: str) -> ValidationError:
    return ValidationError(
        f"This password is too easy to guess: {reason}. {_ADVICE}", code="password_too_common"
    )


def _rest(password: str, words: Iterable[str]) -> int:
    """Return how many letters and digits stand there besides a person's own words."""
    rest = password.lower()
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _SHORTEST_OWN_WORD:
            rest = rest.replace(word, " ")
    if rest == password.lower():
        return len(password)
    return sum(character.isalnum() for character in rest)


def _estimate(password: str, words: Iterable[str]) -> dict[str, Any]:
    # Imported at the first password: its lists take 15 MB, which workers never need.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    # It keeps the words of the last caller in a variable of its own.
    with _one_at_a_time:
        found: dict[str, Any] = zxcvbn(_bounded(password), user_inputs=list(words))
    return found


def _bounded(password: str) -> str:
    """Keep so many different substitutes, digits first, that the estimate ends in time."""
    present = sorted(set(password) & set(_SUBSTITUTES), key=lambda c: (not c.isdigit(), c))
    return password.translate(dict.fromkeys(map(ord, present[_MOST_SUBSTITUTES:]), "~"))


def _reason(sequence: list[dict[str, Any]]) -> str:
    """Say what the largest guessed part of a password is."""
    part = max(sequence, key=lambda match: len(match["token"]))
    match part["pattern"], part.get("dictionary_name"):
        case "dictionary", "user_inputs":
            return _OWN_WORDS
        case "dictionary", "passwords":
            return "it is a common password with the usual changes"
        case "dictionary", _:
            return "it is a common word with the usual changes"
        case "spatial", _:
            return "it follows the keys of the keyboard"
        case "repeat", _:
            return "it repeats the same characters"
        case "sequence", _:
            return "it counts or goes through the alphabet"
        case (("date" | "regex"), _):
            return "it is mostly a date"
        case _:
            return "it is a combination that attackers try early"


def _words_of(user: Any) -> Iterator[str]:
    """Yield what a guesser knows: the product, the installation, the person, their places."""
    texts = ["steward", urlsplit(settings.STEWARD_BASE_URL).hostname or ""]
    if isinstance(user, User):
        texts += [user.username, user.display_name, user.email]
        if not user._state.adding:
            with across("names of a person's organizations, for their new password"):
                held = Membership.objects.system_of_user(user.pk).present()
                texts += held.values_list("organization__name", flat=True)[:20]
    for text in texts:
        pieces = "".join(c if c.isalnum() else " " for c in text.lower()).split()
        yield from (piece for piece in pieces if len(piece) > 2)
        if len(pieces) > 1:
            yield "".join(pieces)
