"""From an inbound event to a command, or to everything that is wrong with it."""

from services.intake.decide.commands import Command
from services.intake.decide.events import InboundEvent
from services.intake.decide.tenant_rules import DEFAULT_RULES, TenantRules
from shared.errors import FieldError


def parse(event: InboundEvent, rules: TenantRules = DEFAULT_RULES) -> Command | tuple[FieldError, ...]:
    """The command that `event` asks for, normalised; or all its errors, at least one. Never raises."""
    raise NotImplementedError
