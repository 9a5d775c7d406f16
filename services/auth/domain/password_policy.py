"""Which passwords are acceptable: long enough, and not one's own name."""

from services.auth.domain.errors import PasswordUnacceptable

SHORTEST = 10
LONGEST = 128


def check_password(password: str, *, email: str) -> None:
    """Raises `PasswordUnacceptable`. Length is what counts; the lower limit is for people with a second check
    (their device is approved)."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordUnacceptable(f"A password has {SHORTEST} to {LONGEST} characters")
    if len(set(password)) < 4:
        raise PasswordUnacceptable("A password has at least four different characters")
    name = email.partition("@")[0].lower()
    if len(name) > 3 and password.lower().startswith(name) and len(password) - len(name) < 4:
        raise PasswordUnacceptable("A password is not one's own email address")
