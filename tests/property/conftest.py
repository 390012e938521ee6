"""Hypothesis without time limits: the machine that runs these may be busy, and slow is not wrong."""

from hypothesis import HealthCheck, settings

settings.register_profile("rahnama", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rahnama")
