"""`rahnama.inbound`: the same answers as over HTTP, and a rejection for whatever cannot be read."""

import json

from services.intake.crypto.sealing import unseal
from tests.integration.intake.harness import SOURCE, Intake, student

STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


async def test_a_record_is_accepted_unchanged_and_rejected_as_over_http(intake: Intake) -> None:
    await intake.write_inbound(
        json.dumps(student(1001, "k-1")).encode(),
        json.dumps(student(1001, "k-2")).encode(),
        json.dumps(student(1001, "k-3", gender=7)).encode(),
        headers=STRUCTURED,
    )
    assert (await intake.answered("k-1"))["status"] == "accepted"
    assert (await intake.answered("k-2"))["status"] == "unchanged"
    refused = await intake.answered("k-3")
    assert refused["status"] == "rejected"
    assert [error["code"] for error in refused["errors"]] == ["GENDER_INVALID"]


async def test_an_event_that_comes_through_both_doors_is_answered_once(intake: Intake) -> None:
    first = await intake.send(student(1002))
    await intake.write_inbound(
        json.dumps(student(1002), indent=1).encode(), json.dumps(student(1003, "k-4")).encode()
    )
    await intake.answered("k-4")
    assert (await intake.send(student(1002))) == {**first, "status": "duplicate"}
    assert (await intake.send(student(1003, "k-4")))["status"] == "duplicate"
    for number in (1002, 1003):
        lookup = intake.keyring.tenant("default").lookup(student(number)["data"]["national_id"])
        [row] = await intake.rows(
            "select count(*) as facts from log join students on log.subject = 'student/' || student_id"
            " where lookup = $1",
            lookup,
        )
        assert row["facts"] == 1


async def test_binary_mode_is_read(intake: Intake) -> None:
    sent = student(1004, "k-5")
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"k-5"),
        ("ce_source", SOURCE.encode()),
        ("ce_type", sent["type"].encode()),
        ("content-type", b"application/json"),
    ]
    await intake.write_inbound(json.dumps(sent["data"]).encode(), headers=headers)
    assert (await intake.answered("k-5"))["status"] == "accepted"


async def test_what_is_no_event_is_kept_sealed_under_a_key_of_its_own(intake: Intake) -> None:
    broken = b'{"national_id": "%s", broken' % student(1005)["data"]["national_id"].encode()
    await intake.write_inbound(broken, json.dumps(student(1006, "k-6")).encode(), partition=3)
    await intake.answered("k-6")
    [row] = await intake.rows("select * from rejections where inbound_partition = 3 and inbound_offset = 0")
    assert (row["tenant"], row["door"], row["status"]) == ("", "kafka", "open")
    assert broken.decode() not in row["sealed"]
    opened = unseal(
        intake.keyring.unwrap(row["wrapped_key"]),
        row["sealed"],
        tenant="",
        subject=str(row["rejection_id"]),
        kind="rejection",
    )
    assert opened == broken
    assert row["lookup"] == intake.keyring.tenant("").lookup(student(1005)["data"]["national_id"])
    assert (await intake.get(f"/v1/rejections/{row['rejection_id']}")).status_code == 404
    shown = (await intake.get(f"/v1/rejections/{row['rejection_id']}", "admin")).json()
    assert shown["inbound"] == {"partition": 3, "offset": 0}
    assert shown["errors"][0]["code"] == "EVENT_INVALID"


async def test_a_source_that_belongs_to_nobody_is_refused_until_it_is_configured(intake: Intake) -> None:
    sent = {**student(1007, "k-7"), "source": "/upstream/nobody"}
    await intake.write_inbound(
        json.dumps(sent).encode(), json.dumps(student(1008, "k-8")).encode(), partition=4
    )
    await intake.answered("k-8")
    [row] = await intake.rows("select errors, tenant from rejections where inbound_partition = 4")
    assert json.loads(row["errors"])[0]["code"] == "SOURCE_NOT_ALLOWED"
    assert row["tenant"] == ""


async def test_positions_tell_how_far_both_sides_are(intake: Intake) -> None:
    await intake.write_inbound(json.dumps(student(1009, "k-9")).encode(), partition=5)
    result = await intake.answered("k-9")
    [place] = result["facts"]
    wanted = f"min_position=inbound:5:1&min_position=intake:{place['partition']}:{place['sequence']}"
    assert (await intake.get(f"/v1/students?{wanted}")).status_code == 200
    beyond = await intake.get(
        f"/v1/students?min_position=intake:{place['partition']}:{place['sequence'] + 1000}"
    )
    assert (beyond.status_code, beyond.json()["code"]) == (503, "POSITION_NOT_REACHED")
    positions = (await intake.get("/v1/positions")).json()
    [log] = [item for item in positions["log"] if item["partition"] == place["partition"]]
    assert log["last"] >= place["sequence"]
    assert {"source": "inbound", "partition": 5, "applied": 1, "newest": 1} in positions["inbox"]


async def test_a_look_up_that_names_no_event_says_what_is_missing(intake: Intake) -> None:
    headers = intake.issuer.headers("upstream")
    answer = await intake.client.post("/v1/events/lookup", json={"id": "k-1"}, headers=headers)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/source", "SOURCE_MISSING")


BATCH = [("content-type", b"application/cloudevents-batch+json")]


async def test_a_batch_in_one_record_gives_each_of_its_events_an_answer(intake: Intake) -> None:
    events = [json.dumps(student(1100 + number, f"kb-{number}")).encode() for number in range(4)]
    events[2] = json.dumps(student(1102, "kb-2", gender=7)).encode()
    events.insert(1, b'{"specversion": "1.0", "amount": NaN}')
    await intake.write_inbound(b"[" + b",".join(events) + b"]", partition=8, headers=BATCH)
    statuses = [(await intake.answered(f"kb-{number}"))["status"] for number in range(4)]
    assert statuses == ["accepted", "accepted", "rejected", "accepted"]
    rows = await intake.rows("select errors::text as errors from rejections where inbound_partition = 8")
    codes = sorted(error["code"] for row in rows for error in json.loads(row["errors"]))
    assert codes == ["EVENT_INVALID", "GENDER_INVALID"]


async def test_a_batch_that_cannot_be_read_or_is_too_long_is_one_rejection(intake: Intake) -> None:
    many = json.dumps([student(1200, f"km-{number}") for number in range(1001)]).encode()
    after = json.dumps([student(1201, "km-after")]).encode()
    await intake.write_inbound(b"[{}, {]", b"[]", many, after, partition=6, headers=BATCH)
    assert (await intake.answered("km-after"))["status"] == "accepted"
    rows = await intake.rows(
        "select errors::text as errors from rejections where inbound_partition = 6 order by inbound_offset"
    )
    codes = [error["code"] for row in rows for error in json.loads(row["errors"])]
    assert codes == ["BATCH_UNREADABLE", "EVENT_INVALID", "BATCH_TOO_LARGE"]


async def test_more_events_than_a_transaction_takes_are_committed_in_their_order(intake: Intake) -> None:
    in_one = 2 * intake.settings.batch_records // 5
    batches = [
        json.dumps([student(2000 + in_one * n + m, f"kt-{n}-{m}") for m in range(in_one)]).encode()
        for n in range(3)
    ]
    await intake.write_inbound(*batches, partition=7, headers=BATCH)
    for n in range(3):
        for m in (0, in_one - 1):
            assert (await intake.answered(f"kt-{n}-{m}"))["status"] == "accepted"
