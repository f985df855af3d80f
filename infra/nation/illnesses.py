"""What people are referred for: invented illnesses, told as a point would tell them.

Rules: texts show how a record is written and are no medical advice; the figures in them are drawn for each case; a
request is complete, as the rules ask. Codes are those of ICD-10 and LOINC.
"""

from __future__ import annotations

from dataclasses import dataclass

ICD, LOINC = ("icd-10", "2019"), ("loinc", "2.77")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is measured at the bedside: code, words, lowest and highest value, unit."""

    code: str
    display: str
    least: int
    most: int
    unit: str


@dataclass(frozen=True, slots=True)
class Illness:
    """`taken_for` is the speciality that such a case is sent to when it is sent to the wrong one."""

    speciality: str
    taken_for: str
    code: str
    display: str
    complaint: str
    question: str
    findings: str
    assessment: str
    advice: str
    device: str
    maker: str


PULSE = Finding("8867-4", "Heart rate", 56, 128, "/min")
PRESSURE = Finding("8480-6", "Systolic blood pressure", 88, 196, "mm[Hg]")
OXYGEN = Finding("2708-6", "Oxygen saturation in arterial blood", 84, 100, "%")
WARMTH = Finding("8310-5", "Body temperature", 36, 40, "Cel")
BEDSIDE = (PULSE, PRESSURE, OXYGEN, WARMTH)

ILLNESSES: tuple[tuple[Illness, float], ...] = (
    (
        Illness(
            "cardiology", "internal_medicine", "I20.0", "Unstable angina",
            "đau ngực trái lan lên vai khi gắng sức, khó thở nhẹ, vã mồ hôi từng cơn",
            "Có cần chuyển tuyến ngay hay theo dõi và điều trị tại chỗ?",
            "Mạch đều, tim không nghe tiếng thổi, phổi thông khí đều hai bên.",
            "Hình ảnh và diễn biến phù hợp cơn đau thắt ngực không ổn định.",
            "Theo dõi điện tim mỗi sáu giờ, dùng thuốc theo phác đồ, báo lại khi đau tăng.",
            "ecg", "Mẫu ECG 12",
        ),
        0.16,
    ),
    (
        Illness(
            "internal_medicine", "cardiology", "I10", "Essential (primary) hypertension",
            "đau đầu, chóng mặt, huyết áp đo ở nhà cao nhiều lần trong tuần qua",
            "Nên chọn thuốc nào và theo dõi ra sao tại trạm?",
            "Huyết áp hai tay không chênh lệch, không phù, không yếu liệt.",
            "Tăng huyết áp nguyên phát, chưa thấy tổn thương cơ quan đích.",
            "Giảm muối, uống thuốc đều, đo huyết áp hai lần mỗi ngày và ghi sổ.",
            "ultrasound", "Mẫu Sono 3",
        ),
        0.17,
    ),
    (
        Illness(
            "paediatrics", "internal_medicine", "J18.9", "Pneumonia, unspecified",
            "sốt cao, ho đờm, thở nhanh, bỏ bú một phần, đã dùng hạ sốt tại nhà",
            "Cháu có cần nhập viện và dùng kháng sinh tiêm không?",
            "Rút lõm lồng ngực nhẹ, ran ẩm đáy phổi phải, môi hồng.",
            "Viêm phổi mức độ vừa, chưa có dấu hiệu suy hô hấp.",
            "Điều trị tại tuyến huyện, theo dõi nhịp thở, tái khám sau hai ngày.",
            "ultrasound", "Mẫu Sono 3",
        ),
        0.15,
    ),
    (
        Illness(
            "obstetrics_gynaecology", "general_surgery", "O20.0", "Threatened abortion",
            "đau bụng âm ỉ vùng hạ vị, ra ít máu hồng từ sáng, thai mười hai tuần",
            "Thai còn sống không và có cần nhập viện theo dõi không?",
            "Bụng mềm, cổ tử cung đóng, huyết động ổn định.",
            "Doạ sảy thai, tim thai còn hoạt động trên hình siêu âm.",
            "Nghỉ ngơi, theo dõi ra máu, siêu âm lại sau ba ngày.",
            "ultrasound", "Mẫu Sono 5",
        ),
        0.12,
    ),
    (
        Illness(
            "general_surgery", "gastroenterology", "K35.8", "Acute appendicitis, other and unspecified",
            "đau bụng từ quanh rốn khu trú hố chậu phải, buồn nôn, sốt nhẹ",
            "Có chỉ định mổ không và mổ ở tuyến nào?",
            "Hố chậu phải ấn đau, phản ứng thành bụng rõ.",
            "Hình ảnh gợi ý viêm ruột thừa cấp, chưa thấy biến chứng.",
            "Chuẩn bị phẫu thuật trong ngày, nhịn ăn, truyền dịch.",
            "ultrasound", "Mẫu Sono 5",
        ),
        0.09,
    ),
    (
        Illness(
            "stroke", "neurology", "I63.9", "Cerebral infarction, unspecified",
            "đột ngột yếu nửa người phải, nói khó, người nhà phát hiện lúc sáng",
            "Còn trong thời gian điều trị tái thông hay không?",
            "Tỉnh, liệt mặt trung ương, sức cơ tay phải giảm rõ.",
            "Nhồi máu não, hình ảnh không thấy chảy máu.",
            "Chuyển về đơn vị đột quỵ, kiểm soát huyết áp trên đường đi.",
            "ct", "Mẫu CT 16",
        ),
        0.06,
    ),
    (
        Illness(
            "respiratory", "internal_medicine", "J44.1", "COPD with acute exacerbation, unspecified",
            "khó thở tăng dần, khạc đờm đục, hút thuốc lá nhiều năm",
            "Chỉnh liều thuốc giãn phế quản và kháng sinh thế nào?",
            "Rì rào phế nang giảm, ran ngáy rải rác hai phổi.",
            "Đợt cấp bệnh phổi tắc nghẽn mạn tính mức độ vừa.",
            "Khí dung mỗi bốn giờ, thở oxy liều thấp, đánh giá lại trong ngày.",
            "x-ray", "Mẫu DR 40",
        ),
        0.08,
    ),
    (
        Illness(
            "endocrinology", "internal_medicine", "E11.9", "Type 2 diabetes mellitus without complications",
            "tiểu nhiều, khát nước, gầy sút bốn cân trong hai tháng",
            "Bắt đầu thuốc uống hay insulin cho người bệnh này?",
            "Da khô nhẹ, bàn chân không loét, phản xạ gân xương bình thường.",
            "Đái tháo đường típ 2 mới phát hiện, chưa thấy biến chứng.",
            "Chế độ ăn, thuốc uống hằng ngày, kiểm tra đường huyết mỗi tuần.",
            "camera", "Mẫu Cam 2",
        ),
        0.09,
    ),
    (
        Illness(
            "dermatology", "tropical_medicine", "L20.9", "Atopic dermatitis, unspecified",
            "ngứa nhiều vùng khuỷu tay và cổ, da khô bong vảy tái phát",
            "Chẩn đoán là gì và dùng thuốc bôi nào cho phù hợp?",
            "Mảng đỏ ranh giới không rõ, có vết gãi, không bội nhiễm.",
            "Viêm da cơ địa mức độ nhẹ đến vừa.",
            "Dưỡng ẩm nhiều lần trong ngày, bôi thuốc một tuần rồi đánh giá lại.",
            "camera", "Mẫu Cam 2",
        ),
        0.08,
    ),
)  # fmt: skip
