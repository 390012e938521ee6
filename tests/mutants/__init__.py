"""Faults planted in the product on purpose: each one the suites must catch (`make mutants`)."""
