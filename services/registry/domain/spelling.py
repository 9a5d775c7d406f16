"""Indian names as they are heard: Lakshmi and Laxmi, Mohd and Muhammad, Shrinivas and Srinivas are one.

Transliteration leaves many spellings of one name. `spelling` brings them to one form, `sound` goes further and is
Metaphone of that form (of the name as written, Metaphone takes Lakshmi and Laxmi for two).
"""

import re
import unicodedata
from functools import lru_cache

import jellyfish

RULES_VERSION = 1
"""One more with every change of what names are found by: the nightly job then makes the stored keys anew."""

_ALIASES = dict.fromkeys(
    ("md", "mohd", "mohmd", "mohammad", "mohammed", "mohamed", "mohamad", "mohamud", "muhammad", "muhammed", "muhamad"),
    "mohamad",
) | {"kr": "kumar"}
_RULES = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"x", "ks"),
        (r"q", "k"),
        (r"ph", "f"),
        (r"zh", "l"),  # Tamil and Malayalam
        (r"chh", "ch"),
        (r"([bdgjkst])h", r"\1"),
        (r"c(?!h)", "k"),
        (r"ow|au|aw|ou", "o"),
        (r"w", "v"),
        (r"z", "j"),
        (r"ee|ea|ii", "i"),
        (r"oo|uu", "u"),
        (r"y", "i"),
        (r"ai|ei", "e"),
        (r"(.)\1+", r"\1"),
        (r"(?<=[aeiou])h$", ""),
    )
]
_APOSTROPHES = "'\u2019"
_LONGEST_PREFIX = 10
_SHORTEST_SOUND = 3


def words(text: str) -> list[str]:
    """The words of a name: lower case, Latin letters without their marks, other scripts as they are."""
    return "".join(map(_folded, unicodedata.normalize("NFKC", text).casefold())).split()


def _folded(char: str) -> str:
    if char in _APOSTROPHES:
        return ""
    if unicodedata.category(char)[0] not in "LMN":  # letters, the vowel signs of Indic scripts, digits
        return " "
    base = unicodedata.normalize("NFD", char)[0]
    return base if base.isascii() else char


@lru_cache(maxsize=20_000)
def spelling(word: str) -> str:
    """The one form of all spellings of this word (as `words` gives it); other scripts stay as they are."""
    if not word.isascii():
        return word
    if word in _ALIASES:
        return _ALIASES[word]
    for pattern, replacement in _RULES:
        word = pattern.sub(replacement, word)
    return word


@lru_cache(maxsize=20_000)
def sound(word: str) -> str:
    """How the word is heard, roughly; empty when that is too little to go by."""
    heard = jellyfish.metaphone(spelling(word)) if word.isascii() else ""
    return heard if len(heard) >= _SHORTEST_SOUND else ""


def sound_of_name(text: str) -> str:
    """The whole name as heard, whatever the order of its words."""
    return " ".join(sorted(sound(word) or spelling(word) for word in words(text)))


def search_keys(text: str) -> list[str]:
    """What a name is found by, for an index of exact values: every beginning (`p:`) of every word, as written and
    in its one form, whole words (`w:`), and sounds (`s:`)."""
    keys: set[str] = set()
    for word in words(text):
        for form in {word, spelling(word)}:
            keys.add(f"w:{form}")
            keys |= {f"p:{form[:length]}" for length in range(1, min(len(form), _LONGEST_PREFIX) + 1)}
        keys |= {f"s:{sound(word)}"} if sound(word) else set()
    return sorted(keys)


def keys_to_find(word: str) -> list[str]:
    """The keys, best match first, of names that have a word which is, begins with, or sounds like this one."""
    spelled = spelling(word)
    forms = [word] if spelled == word or len(spelled) < 2 else [word, spelled]
    heard = [f"s:{sound(word)}"] if sound(word) else []
    return [f"w:{f}" for f in forms] + [f"p:{f[:_LONGEST_PREFIX]}" for f in forms] + heard
