"""`POST /v1/events`: every event gets its answer, and the same one for ever."""

import asyncio
import json

from services.intake.crypto.sealing import unseal
from tests.integration.intake.harness import BATCH, SOURCE, Intake, event, mentor, student


async def test_a_student_is_accepted_and_its_fact_stands_in_the_log(intake: Intake) -> None:
    answer = await intake.post(student(1))
    assert answer.status_code == 202, answer.text
    result = answer.json()
    assert list(result) == ["source", "id", "status", "subject", "causation_id", "facts"]
    assert result["status"] == "accepted"
    assert result["source"] == SOURCE
    assert result["id"] == "student-1"
    assert result["subject"].startswith("student/")
    [place] = result["facts"]
    assert list(place) == ["partition", "sequence"]
    [row] = await intake.rows(
        "select value, causation_id, subject, version from log where partition = $1 and sequence = $2",
        place["partition"],
        place["sequence"],
    )
    fact = json.loads(row["value"])
    assert row["causation_id"] == fact["causationid"] == result["causation_id"]
    assert row["subject"] == fact["subject"] == result["subject"]
    assert (row["version"], fact["data"]["version"]) == (1, 1)
    assert fact["data"]["student_id"] == result["subject"].removeprefix("student/")


async def test_the_same_event_again_is_a_duplicate_with_the_first_answers_facts(intake: Intake) -> None:
    first = await intake.send(student(2))
    again = await intake.send(student(2))
    assert again == {**first, "status": "duplicate"}


async def test_another_event_with_the_same_content_changes_nothing(intake: Intake) -> None:
    first = await intake.send(student(3))
    second = await intake.send(student(3, "student-3-again"))
    assert second["status"] == "unchanged"
    assert second["facts"] == []
    assert second["subject"] == first["subject"]
    assert (await intake.send(student(3, "student-3-again")))["status"] == "duplicate"


async def test_other_content_is_the_next_version_of_the_same_student_under_the_same_key(
    intake: Intake,
) -> None:
    first = await intake.send(student(4))
    second = await intake.send(student(4, "student-4-moved", reg_center=0, last_name="تازه"))
    assert second["status"] == "accepted"
    assert second["subject"] == first["subject"]
    rows = await intake.rows(
        "select version, value from log where subject = $1 order by version", first["subject"]
    )
    assert [row["version"] for row in rows] == [1, 2]
    [key] = await intake.rows("select wrapped_key from subject_keys where subject = $1", first["subject"])
    names = [
        json.loads(
            unseal(
                intake.keyring.unwrap(key["wrapped_key"]),
                json.loads(row["value"])["data"]["sealed"],
                tenant="default",
                subject=first["subject"],
                kind="rahnama.intake.student.registered.v1",
            )
        )["last_name"]
        for row in rows
    ]
    assert names[1] == "تازه"


async def test_a_known_id_with_other_content_is_refused(intake: Intake) -> None:
    await intake.send(student(5))
    answer = await intake.post(student(5, reg_center=0))
    assert answer.status_code == 422
    assert [error["code"] for error in answer.json()["errors"]] == ["ID_REUSED"]
    assert (await intake.send(student(5)))["status"] == "duplicate"


async def test_a_wrong_event_is_refused_with_codes_and_pointers_and_again_with_the_same_ones(
    intake: Intake,
) -> None:
    wrong = student(6, national_id="1332073688", group_code=4)
    answer = await intake.post(wrong)
    assert answer.status_code == 422
    result = answer.json()
    assert (result["status"], result["facts"]) == ("rejected", [])
    assert result.keys() >= {"rejection_id", "causation_id", "subject"}
    assert {(error["pointer"], error["code"]) for error in result["errors"]} == {
        ("/data/national_id", "NATIONAL_ID_INVALID"),
        ("/data/group_code", "GROUP_CODE_INVALID"),
    }
    assert all(error["message"] and error["message_fa"] for error in result["errors"])
    again = await intake.post(wrong)
    assert again.status_code == 202
    assert again.json() == {**result, "status": "duplicate"}


async def test_a_batch_is_answered_in_its_order_and_later_events_see_earlier_ones(intake: Intake) -> None:
    results = await intake.send_batch(
        [
            student(10),
            student(10),
            student(10, reg_center=2),
            student(10, "student-10-same"),
            student(10, "student-10-new", reg_center=2),
            "no object",
            {"specversion": "1.0"},
            student(11, first_name=""),
            mentor(10),
            mentor(10, "mentor-10-again", capacity=61),
        ]
    )
    assert [result["status"] for result in results] == [
        "accepted", "duplicate", "rejected", "unchanged", "accepted",
        "rejected", "rejected", "rejected", "accepted", "accepted",
    ]  # fmt: skip
    assert results[1]["facts"] == results[0]["facts"]
    assert results[2]["errors"][0]["code"] == "ID_REUSED"
    assert {results[index]["subject"] for index in (0, 1, 3, 4)} == {results[0]["subject"]}
    assert results[5]["id"] is None
    assert results[6]["source"] is None
    [row] = await intake.rows(
        "select reg_center, version from student_years where student_id = $1",
        results[0]["subject"].removeprefix("student/"),
    )
    assert (row["reg_center"], row["version"]) == (2, 2)
    [row] = await intake.rows("select capacity, version from mentors where mentor_id = 10")
    assert (row["capacity"], row["version"]) == (61, 2)


async def test_many_requests_at_once_share_transactions_and_all_get_their_own_answer(intake: Intake) -> None:
    results = await asyncio.gather(*(intake.send(student(100 + number)) for number in range(60)))
    assert [result["id"] for result in results] == [f"student-{100 + number}" for number in range(60)]
    assert {result["status"] for result in results} == {"accepted"}
    places = [(fact["partition"], fact["sequence"]) for result in results for fact in result["facts"]]
    assert len(set(places)) == 60


async def test_reference_data_is_accepted_too(intake: Intake) -> None:
    results = await intake.send_batch(
        [
            event("manager.registered", "manager-1", {"manager_id": 1, "is_active": True, "centers": [0, 1]}),
            event("school-roster.published", "roster-1403", {"year": 1403, "school_codes": [7, 5]}),
            mentor(20, manager_id=1, type="school", schools=[5]),
            student(20, year=1403, school_code=5),
        ]
    )
    assert [result["status"] for result in results] == ["accepted"] * 4, results
    [row] = await intake.rows("select manager_centers from mentors where mentor_id = 20")
    assert row["manager_centers"] == [0, 1]
    [row] = await intake.rows("select student_type from student_years where year = 1403")
    assert row["student_type"] == 1


async def test_a_source_of_another_tenant_is_refused_and_does_not_stand_in_its_way(intake: Intake) -> None:
    sent = {**student(30), "source": "/upstream/other"}
    answer = await intake.post(sent)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "SOURCE_NOT_ALLOWED"
    assert (await intake.post(sent, tenant="other")).json()["status"] == "accepted"
    assert (await intake.post({**student(30), "source": "/unknown"})).json()["errors"][0]["code"] == (
        "SOURCE_NOT_ALLOWED"
    )


async def test_bodies_that_cannot_be_taken_have_their_status(intake: Intake) -> None:
    assert (await intake.post(b"{")).status_code == 400
    unreadable = await intake.post(b"[{}, {]", BATCH)
    assert unreadable.status_code == 400
    assert unreadable.json()["errors"][0]["pointer"] == "/1"
    assert "byte 6, event 1" in unreadable.json()["detail"]
    for empty in (b"[]", b" [ ] "):
        answer = await intake.post(empty, BATCH)
        assert (answer.status_code, answer.json()["code"]) == (400, "BATCH_EMPTY")
    assert (await intake.post(b"{}", {"content-type": "text/plain"})).status_code == 415
    assert (await intake.post(b'"' + b"x" * 300_000 + b'"')).status_code == 413
    assert (await intake.post([student(1)] * 1001, BATCH)).status_code == 413
    [result] = await intake.send_batch([student(31, padding="x" * 300_000)])
    assert result["errors"][0]["code"] == "EVENT_TOO_LARGE"
    [row] = await intake.rows("select sealed from rejections where rejection_id = $1", result["rejection_id"])
    assert row["sealed"] is None


async def test_binary_mode_is_taken_too(intake: Intake) -> None:
    sent = student(32)
    headers = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": sent["id"],
        "ce-source": SOURCE,
        "ce-type": sent["type"],
    }
    answer = await intake.post(sent["data"], headers)
    assert answer.status_code == 202, answer.text
    assert (await intake.send(sent))["status"] == "duplicate"


async def test_an_answer_can_be_asked_for_again(intake: Intake) -> None:
    first = await intake.send(student(33))
    assert (await intake.look_up("student-33")).json() == first
    assert (await intake.look_up("never sent")).status_code == 404
    refused = await intake.send({**student(33), "source": "/unknown"})
    assert (await intake.look_up("student-33", "/unknown")).json() == refused


async def test_one_event_that_is_not_json_does_not_spoil_its_batch(intake: Intake) -> None:
    events = [json.dumps(student(200 + number)).encode() for number in range(99)]
    events.insert(40, b'{"specversion": "1.0", "id": "bad", "data": {"first_name": "\\ud83d"}}')
    answer = await intake.post(b"[" + b",".join(events) + b"]", BATCH)
    assert answer.status_code == 202
    results = answer.json()["results"]
    assert [result["status"] for result in results].count("accepted") == 99
    assert [error["code"] for error in results[40]["errors"]] == ["EVENT_INVALID"]


async def test_ids_that_are_not_utf8_are_refused_and_reuse_nothing(intake: Intake) -> None:
    sent = student(300)
    headers = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-source": SOURCE,
        "ce-type": sent["type"],
    }
    for raw in ("x%FF1", "x%FE1"):
        answer = await intake.post(sent["data"], {**headers, "ce-id": raw})
        assert answer.status_code == 422
        assert [error["code"] for error in answer.json()["errors"]] == ["ID_INVALID"]
    answer = await intake.post(sent["data"], {**headers, "ce-id": "x1"})
    assert answer.json()["status"] == "accepted"
