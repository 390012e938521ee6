"""All mutants, in the order in which data passes through what they break; last those of the checks."""

from tests.mutants.arrivals import ARRIVALS
from tests.mutants.checks import CHECKS
from tests.mutants.decisions import DECISIONS
from tests.mutants.edge import EDGE
from tests.mutants.inputs import INPUTS
from tests.mutants.intake import INTAKE
from tests.mutants.limits import LIMITS
from tests.mutants.logs import LOGS
from tests.mutants.mutant import Mutant
from tests.mutants.tenants import TENANTS
from tests.mutants.verification import VERIFICATION

MUTANTS: tuple[Mutant, ...] = (
    *EDGE, *ARRIVALS, *INPUTS, *LIMITS, *TENANTS, *INTAKE, *LOGS, *DECISIONS, *VERIFICATION, *CHECKS,
)  # fmt: skip
