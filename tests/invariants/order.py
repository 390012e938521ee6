"""I8: the order in which a subject's events were sent, accepted and decided is one."""

from tests.invariants.answers import first_version, outcomes
from tests.invariants.evidence import Evidence, told
from tests.invariants.replayed import replay_evidence


def i8_order_per_subject_kept(evidence: Evidence) -> None:
    """I8: a subject's versions are 1, 2, 3 … in the order of the log and as upstream sent them; decisions follow facts."""
    versions: dict[tuple[str, str], list[int]] = {}
    erased: dict[tuple[str, str], int] = {}
    for partition, facts in told(evidence).facts.items():
        latest: dict[tuple[str, str], int] = {}
        for fact in facts:
            subject, version = (fact.tenant, fact.subject), fact.data["version"]
            assert version > latest.get(subject, 0), (
                f"{fact.id}: {subject} has version {version} after {latest[subject]} in partition {partition}"
            )
            if fact.kind == "student.erased":
                erased[subject] = version
            latest[subject] = version
            versions.setdefault(subject, []).append(version)
    for subject, counted in versions.items():
        assert sorted(counted) == list(range(1, len(counted) + 1)), f"{subject} has the versions {counted}"
        last = erased.get(subject, len(counted))
        assert last == len(counted), f"{subject} was erased with version {last}, and has {len(counted)}"
    kept = outcomes(evidence)
    reached: dict[str, int] = {}
    for sent in evidence.sent:
        version = first_version(sent, kept)
        if sent.subject is None or version is None:
            continue
        assert version > reached.get(sent.subject, 0), (
            f"{sent.subject}: {sent.causation_id} made version {version},"
            f" what was sent before it {reached[sent.subject]}"
        )
        reached[sent.subject] = version
    replay_evidence(evidence).require_none("I8")
