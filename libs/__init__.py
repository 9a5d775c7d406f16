"""Shared code: `common` is mechanism without clinic nouns, `contracts` is the event vocabulary."""
