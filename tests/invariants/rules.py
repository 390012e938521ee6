"""The eight rules of who may go to whom, as the field words them; nothing of the product's code."""

from typing import Any, Final

REG_STATUSES: Final = (0, 1, 3)

Data = dict[str, Any]
"""The `data` of a fact."""


def broken_rules(student: Data, mentor: Data) -> list[str]:
    """The codes of the rules that stand between them. How full the mentor is, is not looked at."""
    is_school, centers = student["student_type"] == 1, mentor["manager_centers"]
    answers = {
        "GENDER_MATCH": mentor["gender"] == student["gender"],
        "GROUP_ALLOWED": student["group_code"] in mentor["groups"],
        "CENTER_ALLOWED": student["reg_center"] in mentor["centers"],
        "REG_STATUS_ALLOWED": student["reg_status"] in REG_STATUSES,
        "CAPACITY_AVAILABLE": mentor["active"],
        "SCHOOL_TYPE_COMPATIBLE": (mentor["type"] == "school") == is_school
        and (not is_school or student["school_code"] in mentor["schools"]),
        "GRADUATE_NOT_TO_SCHOOL": student["edu_status"] != 0 or mentor["type"] != "school",
        "MANAGER_CENTER_GATE": centers is None or student["reg_center"] in centers,
    }
    return [code for code, passes in answers.items() if not passes]
