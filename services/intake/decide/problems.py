"""Every way in which an event can be wrong: pointer, code, and a message in English and in Persian.

The messages are made here, once, from the field's name alone, so that none can repeat a value.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from shared.errors import FieldError

Words = tuple[str, str, str]
"""What is expected, the name in Persian, and what is expected in Persian."""

_ATTRIBUTES: Final[Mapping[str, Words]] = {
    "id": ("text of 1 to 128 characters", "شناسه رویداد", "متنی از ۱ تا ۱۲۸ نویسه"),
    "source": ("text of 1 to 256 characters", "مبدأ رویداد", "متنی از ۱ تا ۲۵۶ نویسه"),
    "type": ("text of 1 to 256 characters", "نوع رویداد", "متنی از ۱ تا ۲۵۶ نویسه"),
    "specversion": ("1.0", "نسخه CloudEvents", "1.0"),
    "time": (
        "RFC 3339 with an offset, from 2000 to 2100",
        "زمان رویداد",
        "RFC 3339 با اختلاف ساعت، از سال ۲۰۰۰ تا ۲۱۰۰",
    ),
    "datacontenttype": ("application/json", "قالب داده", "application/json"),
    "data": ("a JSON object", "داده رویداد", "یک شیء JSON"),
}


def type_unknown(accepted: Iterable[str]) -> FieldError:
    """The error of an event whose type is none of `accepted`."""
    types = ", ".join(sorted(accepted))
    return FieldError(
        "/type",
        "TYPE_UNKNOWN",
        f"not an accepted type; the accepted types are {types}",
        f"این نوع پذیرفته نمی‌شود؛ نوع‌های پذیرفته: {types}",
    )


def missing(parent: str, name: str, words: Words) -> FieldError:
    """It is absent or null, and must not be."""
    return FieldError(
        f"{parent}/{name}", f"{name.upper()}_MISSING", f"{name} is missing", f"{words[1]} داده نشده است"
    )


def invalid(parent: str, name: str, words: Words) -> FieldError:
    """It is there, and not a valid value."""
    return FieldError(
        f"{parent}/{name}",
        f"{name.upper()}_INVALID",
        f"{name} is not valid; expected: {words[0]}",
        f"{words[1]} معتبر نیست؛ مقدار درست: {words[2]}",
    )


ATTRIBUTE_MISSING: Final = {name: missing("", name, words) for name, words in _ATTRIBUTES.items()}
"""By attribute of the envelope: it is absent."""
ATTRIBUTE_INVALID: Final = {name: invalid("", name, words) for name, words in _ATTRIBUTES.items()}
"""By attribute of the envelope: it is there, and not valid."""

EVENT_INVALID: Final = FieldError(
    "", "EVENT_INVALID", "this is no CloudEvent: a JSON object is expected", "این یک CloudEvent نیست؛ یک شیء JSON لازم است"
)  # fmt: skip
GROUP_NOT_FOR_GRADUATE: Final = FieldError(
    "/data/group_code",
    "GROUP_NOT_FOR_GRADUATE",
    "this group is for students, not for graduates",
    "این گروه برای دانش‌آموزان است، نه فارغ‌التحصیلان",
)
MENTOR_GENDER_FIXED: Final = FieldError(
    "/data/gender",
    "MENTOR_GENDER_FIXED",
    "the gender of a registered mentor never changes",
    "جنسیت منتور ثبت‌شده تغییر نمی‌کند",
)
STUDENT_NOT_REGISTERED: Final = FieldError(
    "/data/national_id",
    "STUDENT_NOT_REGISTERED",
    "no student with this national ID was registered in this year",
    "دانش‌آموزی با این کد ملی در این سال ثبت نشده است",
)
