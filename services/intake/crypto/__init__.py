"""Cryptography: the keys of tenants and subjects, sealed personal data, keyed digests, and how a key travels."""
