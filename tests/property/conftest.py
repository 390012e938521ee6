"""How hard the properties are tried: `HYPOTHESIS_PROFILE=thorough` takes minutes, the default seconds.

Without time limits: the machine that runs these may be busy, and slow is not wrong.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("rahnama", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("rahnama"), max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "rahnama"))
