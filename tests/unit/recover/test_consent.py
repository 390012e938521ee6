"""What the operator agrees to: the plan as a whole by --yes, a doubtful erasure by name or by an answer alone."""

import pytest

from infra.local.mend import options_of
from shared.errors import NotConfirmed
from shared.recover.consent import Consent, consent_of


def test_yes_agrees_to_the_plan_and_confirms_no_erasure() -> None:
    consent = consent_of(["--yes"], "recover")
    consent.require()
    assert consent.confirmed(["student/a", "student/b"]) == set()


def test_an_erasure_is_confirmed_by_name() -> None:
    consent = consent_of(["--yes", "--confirm-erasure", "student/b"], "recover")
    assert consent.confirmed(["student/a", "student/b"]) == {"student/b"}


def test_a_named_subject_whose_erasure_is_not_doubtful_ends_the_command() -> None:
    consent = consent_of(["--yes", "--confirm-erasure=student/c", "--confirm-erasure=student/a"], "recover")
    with pytest.raises(NotConfirmed, match=r"nothing was changed: .* no doubtful erasure of student/c; give"):
        consent.confirmed(["student/a", "student/b"])


def test_a_named_subject_that_is_erased_already_is_no_fault_of_a_command_given_again() -> None:
    consent = consent_of(["--yes", "--confirm-erasure=student/c"], "recover")
    assert consent.confirmed(["student/a"], {"student/c"}) == set()


def test_of_a_command_for_all_services_intake_alone_is_given_the_erasures() -> None:
    options = ["--yes", "--confirm-erasure=student/c"]
    assert options_of("intake", options) == options
    assert options_of("allocation", options) == ["--yes"]


def test_without_yes_and_without_a_terminal_nothing_is_agreed_to() -> None:
    with pytest.raises(NotConfirmed, match=r"no terminal .* --yes \(make: YES=1\)"):
        Consent().require()


def test_each_erasure_is_asked_for_by_itself_and_only_yes_agrees() -> None:
    answers = {"student/a": "y", "student/b": "yes", "student/c": ""}
    consent = Consent(ask=lambda question: answers[question.split()[1].rstrip("?")])
    assert consent.confirmed(answers) == {"student/b"}


def test_another_answer_than_yes_is_refused() -> None:
    with pytest.raises(NotConfirmed, match="the answer was not yes"):
        Consent(ask=lambda _: "y").require()


def test_an_unknown_option_ends_with_2() -> None:
    with pytest.raises(SystemExit) as ended:
        consent_of(["--force"], "recover")
    assert ended.value.code == 2
