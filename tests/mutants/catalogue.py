"""All mutants, in the order in which data passes through what they break."""

from tests.mutants.decisions import DECISIONS
from tests.mutants.edge import EDGE
from tests.mutants.inputs import INPUTS
from tests.mutants.intake import INTAKE
from tests.mutants.limits import LIMITS
from tests.mutants.logs import LOGS
from tests.mutants.mutant import Mutant
from tests.mutants.verification import VERIFICATION

MUTANTS: tuple[Mutant, ...] = (*EDGE, *INPUTS, *LIMITS, *INTAKE, *LOGS, *DECISIONS, *VERIFICATION)
