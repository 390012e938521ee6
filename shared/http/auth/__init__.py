"""Who calls: tokens and their keys, revocations, roles, and the centres a caller may see."""
