"""The real services on real servers, broken on purpose under load; after every trial all invariants are checked."""
