"""The words of the page itself, in both languages; those of a report come with its result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from infra.audit.pages.numbers import VIETNAM_TIME, Language, day, moment, number

MOTTO = {
    Language.VI: ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc"),
    Language.EN: ("SOCIALIST REPUBLIC OF VIET NAM", "Independence – Freedom – Happiness"),
}
MINISTRY = {Language.VI: "BỘ Y TẾ", Language.EN: "MINISTRY OF HEALTH"}
NETWORK = {
    Language.VI: "MẠNG LƯỚI KHÁM BỆNH, CHỮA BỆNH TỪ XA",
    Language.EN: "TELEHEALTH NETWORK",
}
_VI: Mapping[str, str] = {
    "number": "Số",
    "page": "Trang",
    "empty": "Không có dòng nào.",
    "as_of": "Theo các sự kiện đã ghi đến vị trí {position}, lúc {moment} (giờ Việt Nam)",
    "largest": "{title} ({shown} hàng lớn nhất trong {all})",
    "cut": "Bản in dừng ở {shown} hàng đầu trong {all}; đủ các hàng có trong tệp {file} và trên trang HTML.",
    "described": "{label}: {values}",
    "proof": "Xác thực",
    "result": "Kết quả, SHA-256",
    "manifest": "Bản kê, SHA-256",
    "definition": "Định nghĩa",
    "position": "Đến vị trí",
    "checkpoint": "Điểm kiểm",
    "root": "Gốc cây",
    "cosigned_by": "Đồng ký",
    "nobody": "chưa có",
    "events": "{size} sự kiện, {origin}",
    "verify": "Các con số trên trang này là của tệp result.json có mã băm nêu trên. Ai giữ gói kiểm toán của báo cáo "
    "và khóa công khai của Bộ Y tế đều tự tính lại được, không cần tin ai: "
    "python verifier.py bundle GOI.zip --policy policy.txt --recompute",
    "signed_electronically": "Đã ký điện tử lúc {moment}",
    "version": "Phiên bản {version}",
    "month": "Tháng",
    "since": "Từ tháng",
    "until": "Đến tháng",
    "day": "Đến hết ngày",
    "year": "Năm",
    "province": "Tỉnh, thành phố",
    "facility": "Cơ sở",
    "consultation": "Mã buổi hội chẩn",
    "patient": "Mã người bệnh",
}
_EN: Mapping[str, str] = {
    "number": "No.",
    "page": "Page",
    "empty": "There are no rows.",
    "as_of": "By the events recorded up to position {position}, at {moment} (Viet Nam time)",
    "largest": "{title} (the {shown} largest of {all} rows)",
    "cut": "In print these are the first {shown} of {all} rows; all are in the file {file} and on the HTML page.",
    "described": "{label}: {values}",
    "proof": "Proof",
    "result": "Result, SHA-256",
    "manifest": "Manifest, SHA-256",
    "definition": "Definition",
    "position": "Up to position",
    "checkpoint": "Checkpoint",
    "root": "Root of the tree",
    "cosigned_by": "Cosigned by",
    "nobody": "nobody yet",
    "events": "{size} events, {origin}",
    "verify": "The figures on this page are those of the file result.json with the digest above. Whoever holds the "
    "report's audit bundle and the Ministry's public key can compute them again and need trust nobody: "
    "python verifier.py bundle BUNDLE.zip --policy policy.txt --recompute",
    "signed_electronically": "Signed electronically on {moment}",
    "version": "Version {version}",
    "month": "Month",
    "since": "From month",
    "until": "To month",
    "day": "At the end of",
    "year": "Year",
    "province": "Province",
    "facility": "Facility",
    "consultation": "Consultation",
    "patient": "Patient",
}
WORDS = {Language.VI: _VI, Language.EN: _EN}


def word(name: str, language: Language, **told: object) -> str:
    """The page's own word; a name that it does not know, such as that of a new parameter, stands for itself."""
    return WORDS[language].get(name, name).format(**told)


def dated(written: datetime, language: Language) -> str:
    """The day as an official document bears it."""
    local = written.astimezone(VIETNAM_TIME)
    if language is Language.VI:
        return f"Ngày {local.day:02} tháng {local.month:02} năm {local.year}"
    return day(local.date(), language)


def as_of(position: int, written: datetime, language: Language) -> str:
    return word("as_of", language, position=number(position, language), moment=moment(written, language))
