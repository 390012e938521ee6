"""How a verification's verdict is told to Prometheus."""

from services.audit.query.metrics import VerificationMetrics


def value(metrics: VerificationMetrics, of: str) -> float:
    [(found, labels)] = getattr(metrics, of)()
    assert labels == {}
    return float(found)


def test_a_verdict_begins_the_age_anew_and_a_failure_does_not() -> None:
    metrics = VerificationMetrics()
    metrics._since -= 3600
    metrics.failed()
    assert value(metrics, "age") >= 3600
    metrics.ended(True)
    assert value(metrics, "age") < 3600


def test_a_difference_is_told_until_a_verification_finds_none() -> None:
    metrics = VerificationMetrics()
    assert value(metrics, "verified") == 1
    metrics.ended(False)
    assert value(metrics, "verified") == 0
    metrics.failed()
    assert value(metrics, "verified") == 0
    metrics.ended(True)
    assert value(metrics, "verified") == 1
