"""Fuzzers: inputs that nobody would write by hand, at the places where strangers' bytes come in."""
