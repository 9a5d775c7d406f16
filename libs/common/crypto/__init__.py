"""Field encryption with rotating keys, blind indexes to search encrypted fields by, and keyed pseudonyms."""
