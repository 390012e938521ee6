"""Every way in which an event can be wrong: pointer, code, and a message in English and in Persian.

The messages are made here, once, from the field's name alone, so that none can repeat a value.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from shared.errors import FieldError

_DATA_FIELDS: Final[Mapping[str, tuple[str, str, str]]] = {
    # field: (what is expected, its Persian name, what is expected in Persian)
    "year": ("a Jalali year from 1300 to 1500", "سال تحصیلی", "سال شمسی از ۱۳۰۰ تا ۱۵۰۰"),
    "national_id": ("ten digits with a fitting check digit", "کد ملی", "ده رقم با رقم کنترل درست"),
    "first_name": ("text of 1 to 256 characters with at least one letter", "نام", "متنی از ۱ تا ۲۵۶ نویسه با دست کم یک حرف"),
    "last_name": ("text of 1 to 256 characters with at least one letter", "نام خانوادگی", "متنی از ۱ تا ۲۵۶ نویسه با دست کم یک حرف"),
    "father_name": ("text of at most 256 characters with at least one letter, or null", "نام پدر", "متنی تا ۲۵۶ نویسه با دست کم یک حرف، یا خالی"),
    "birth_date": ("a date from 1920-01-01 to today, 2006-07-03 or 1385/04/12, or null", "تاریخ تولد", "تاریخی از ۱۲۹۸/۱۰/۱۰ تا امروز، مانند ۱۳۸۵/۰۴/۱۲، یا خالی"),
    "reason": ("text of at most 256 characters, or null; it is not kept", "دلیل", "متنی تا ۲۵۶ نویسه، یا خالی؛ نگه داشته نمی‌شود"),
    "mobile": ("a mobile number, 09 and nine digits, or null", "شماره تلفن همراه", "۰۹ و نه رقم دیگر، یا خالی"),
    "gender": ("0 (female) or 1 (male)", "جنسیت", "۰ (زن) یا ۱ (مرد)"),
    "edu_status": ("0 (graduate) or 1 (studying)", "وضعیت تحصیلی", "۰ (فارغ‌التحصیل) یا ۱ (محصل)"),
    "reg_center": ("one of the tenant's centres", "مرکز ثبت نام", "یکی از مرکزهای تعریف‌شده"),
    "reg_status": ("0 (normal), 1 (Bonyad) or 3 (Hekmat)", "وضعیت ثبت نام", "۰ (عادی)، ۱ (بنیاد) یا ۳ (حکمت)"),
    "group_code": ("one of the tenant's group codes", "کد گروه", "یکی از کدهای گروه تعریف‌شده"),
    "school_code": ("a positive whole number, or null", "کد مدرسه", "عدد صحیح مثبت، یا خالی"),
    "mentor_id": ("a positive whole number", "شناسه منتور", "عدد صحیح مثبت"),
    "name": ("text of at most 256 characters with at least one letter, or null", "نام", "متنی تا ۲۵۶ نویسه با دست کم یک حرف، یا خالی"),
    "type": ("normal or school", "نوع منتور", "عادی (normal) یا مدرسه (school)"),
    "capacity": ("a whole number, at least 0", "ظرفیت", "عدد صحیح، دست کم ۰"),
    "active": ("true or false", "فعال", "true یا false"),
    "alias_code": ("text of at most 256 characters, or null", "کد مستعار", "متنی تا ۲۵۶ نویسه، یا خالی"),
    "manager_id": ("a positive whole number", "شناسه مدیر", "عدد صحیح مثبت"),
    "groups": ("a list with at least one of the tenant's group codes", "گروه‌ها", "فهرستی ناتهی از کدهای گروه"),
    "centers": ("a list of the tenant's centres; a mentor's has at least one", "مرکزها", "فهرستی از مرکزها، برای منتور ناتهی"),
    "schools": ("for a school mentor, a list with at least one school code", "مدرسه‌ها", "برای منتور مدرسه فهرستی ناتهی از کدهای مدرسه"),
    "full_name": ("text of at most 256 characters with at least one letter, or null", "نام کامل", "متنی تا ۲۵۶ نویسه با دست کم یک حرف، یا خالی"),
    "email": ("an e-mail address, or null", "رایانامه", "نشانی رایانامه، یا خالی"),
    "phone": ("text of at most 256 characters, or null", "تلفن", "متنی تا ۲۵۶ نویسه، یا خالی"),
    "is_active": ("true or false", "فعال", "true یا false"),
    "school_codes": ("a list of positive whole numbers", "کدهای مدرسه", "فهرستی از عددهای صحیح مثبت"),
}  # fmt: skip

_ATTRIBUTES: Final[Mapping[str, tuple[str, str, str]]] = {
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


def _missing(parent: str, name: str, words: tuple[str, str, str]) -> FieldError:
    return FieldError(
        f"{parent}/{name}", f"{name.upper()}_MISSING", f"{name} is missing", f"{words[1]} داده نشده است"
    )


def _invalid(parent: str, name: str, words: tuple[str, str, str]) -> FieldError:
    return FieldError(
        f"{parent}/{name}",
        f"{name.upper()}_INVALID",
        f"{name} is not valid; expected: {words[0]}",
        f"{words[1]} معتبر نیست؛ مقدار درست: {words[2]}",
    )


MISSING: Final = {name: _missing("/data", name, words) for name, words in _DATA_FIELDS.items()}
"""By field of `data`: it is absent or null, and must not be."""
INVALID: Final = {name: _invalid("/data", name, words) for name, words in _DATA_FIELDS.items()}
"""By field of `data`: it is there, and not a valid value."""
ATTRIBUTE_MISSING: Final = {name: _missing("", name, words) for name, words in _ATTRIBUTES.items()}
"""By attribute of the envelope: it is absent."""
ATTRIBUTE_INVALID: Final = {name: _invalid("", name, words) for name, words in _ATTRIBUTES.items()}
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
