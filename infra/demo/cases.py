"""The five patients of the day: invented people with invented illnesses, as five points would present them.

Rules: nobody here lives or lived, and the names say so (Thử: trial, Mẫu: sample, Ví Dụ: example, Giả Định: assumed,
Minh Hoạ: illustration). Texts are for showing how the record works, and no medical advice.
"""

from __future__ import annotations

from dataclasses import dataclass

ICD, LOINC = ("icd-10", "2019"), ("loinc", "2.68")


@dataclass(frozen=True, slots=True)
class Question:
    """An issue before the consultation, what is advised on it, and how the chair concludes."""

    asked: str
    specialist: str
    colleague: str
    conclusion: str


@dataclass(frozen=True, slots=True)
class Story:
    """One patient from referral to outcome. `images` names a file of pydicom, or the loop of the ultrasound."""

    point: str
    patient: str
    sex: str
    born: int
    speciality: str
    speciality_vi: str
    urgency: str
    question: str
    history: str
    findings: str
    questions: tuple[Question, ...]
    device: tuple[str, str]
    images: str
    observation: tuple[str, str, str, str]
    assessment: str
    advice: str
    diagnosis: tuple[str, str]
    decision: str
    outcome: str
    report: str
    first_speciality: str | None = None
    incomplete: bool = False


STORIES: tuple[Story, ...] = (
    Story(
        point="D19-C",
        patient="Nguyễn Văn Thử",
        sex="MALE",
        born=1958,
        speciality="cardiology",
        speciality_vi="Tim mạch",
        urgency="EMERGENCY",
        question="Có cần can thiệp van hai lá sớm không? Is early mitral valve intervention needed?",
        history="Khó thở tăng dần ba tháng, hẹp van hai lá đã biết, đang dùng lợi tiểu và chống đông.",
        findings="Thổi tâm trương ở mỏm, rung nhĩ, phổi ít ran ẩm hai đáy.",
        questions=(
            Question(
                "Can thiệp van hay điều trị nội khoa? Intervention or medical treatment?",
                "Siêu âm Doppler qua đường truyền cho thấy van còn mềm, nong van được.",
                "Chúng tôi theo dõi được INR và nhịp tim hằng ngày tại chỗ.",
                "Nong van bằng bóng theo chương trình, giữ chống đông. Elective balloon valvuloplasty.",
            ),
        ),
        device=("ultrasound", "SonoSite Turbo"),
        images="examples_ybr_color",
        observation=("8867-4", "Heart rate", "96", "/min"),
        assessment="Hẹp van hai lá mức độ vừa, nhĩ trái giãn, không thấy huyết khối trên các khung hình đã xem.",
        advice="Siêu âm thực quản trước can thiệp. Transoesophageal echo before the intervention.",
        diagnosis=("I05.0", "Hẹp van hai lá do thấp / Rheumatic mitral stenosis"),
        decision="Đồng ý, giữ người bệnh tại Thái Nguyên và hẹn can thiệp theo chương trình.",
        outcome="IMPROVED",
        report="Đỡ khó thở sau chỉnh liều lợi tiểu, đã hẹn ngày nong van.",
    ),
    Story(
        point="D10-SP",
        patient="Giàng Thị Mẫu",
        sex="FEMALE",
        born=1990,
        speciality="neurology",
        speciality_vi="Thần kinh",
        urgency="URGENT",
        question="Đau đầu và nhìn mờ có cần chuyển tuyến không? Headache, blurred vision: transfer?",
        history="Đau đầu hai tuần nay, tăng về sáng, nhìn mờ mắt trái, không sốt, không chấn thương.",
        findings="Tỉnh, đồng tử đều, phù gai thị nhẹ bên trái.",
        questions=(
            Question(
                "Cần chụp lại hay chuyển ngay? Repeat imaging or transfer now?",
                "Không thấy khối choán chỗ trên lát cắt gửi lên, nên theo dõi và soi đáy mắt lại.",
                "Tuyến tỉnh nhận soi đáy mắt trong ngày nếu cần.",
                "Theo dõi tại Sa Pa, soi đáy mắt lại sau 48 giờ. Observe, repeat fundoscopy in 48 hours.",
            ),
        ),
        device=("ct", "GE Medical Systems"),
        images="CT_small",
        observation=("8480-6", "Systolic blood pressure", "138", "mm[Hg]"),
        assessment="Không thấy khối choán chỗ hay xuất huyết trên lát cắt đã gửi.",
        advice="Soi đáy mắt lại sau 48 giờ, quay lại ngay nếu nôn hoặc lơ mơ.",
        diagnosis=("G44.2", "Đau đầu do căng thẳng / Tension-type headache"),
        decision="Theo dõi tại Sa Pa, không chuyển tuyến.",
        outcome="RECOVERED",
        report="Hết đau đầu, đáy mắt bình thường sau 48 giờ.",
        incomplete=True,
    ),
    Story(
        point="D25-HV",
        patient="Trần Thị Ví Dụ",
        sex="FEMALE",
        born=1987,
        speciality="obstetrics_gynaecology",
        speciality_vi="Sản phụ khoa",
        urgency="URGENT",
        question="Thai 32 tuần chậm lớn, sinh ở đâu an toàn? Growth restriction at 32 weeks: where to deliver?",
        history="Mang thai lần hai, tuần 32, bề cao tử cung chậm tăng từ tuần 28, huyết áp bình thường.",
        findings="Tim thai đều, ước trọng lượng dưới bách phân vị thứ mười.",
        questions=(
            Question(
                "Theo dõi tại tỉnh hay chuyển về trung ương? Follow up in the province or transfer?",
                "Dòng chảy động mạch rốn còn tốt, theo dõi tại tỉnh được với Doppler mỗi tuần.",
                "Bệnh viện chúng tôi có thể nhận sơ sinh nhẹ cân nếu cần.",
                "Theo dõi tại Phú Thọ, Doppler mỗi tuần, hội chẩn lại tuần 34. Weekly Doppler, review at 34 weeks.",
            ),
        ),
        device=("ultrasound", "Philips"),
        images="examples_palette",
        observation=("8462-4", "Diastolic blood pressure", "76", "mm[Hg]"),
        assessment="Thai chậm lớn mức độ nhẹ, Doppler động mạch rốn trong giới hạn.",
        advice="Doppler mỗi tuần, tiêm trưởng thành phổi khi có chỉ định.",
        diagnosis=("O36.5", "Chăm sóc mẹ vì thai chậm phát triển / Maternal care for poor fetal growth"),
        decision="Theo dõi tại Phú Thọ theo kế hoạch chung.",
        outcome="IMPROVED",
        report="Thai tăng cân lại, hẹn hội chẩn tuần 34.",
        first_speciality="nephrology",
    ),
    Story(
        point="D40-HN",
        patient="Lê Văn Giả Định",
        sex="MALE",
        born=1971,
        speciality="gastroenterology",
        speciality_vi="Tiêu hóa",
        urgency="ROUTINE",
        question="Nốt gan đơn độc nên theo dõi hay sinh thiết? Solitary liver nodule: watch or biopsy?",
        history="Phát hiện nốt gan khi khám định kỳ, không viêm gan, không sụt cân, men gan bình thường.",
        findings="Gan không to, không vàng da, bụng mềm không đau.",
        questions=(
            Question(
                "Sinh thiết ngay hay theo dõi bằng cộng hưởng từ? Biopsy now or follow with MRI?",
                "Hình ảnh nghĩ đến u máu, không sinh thiết.",
                "Tuyến dưới theo dõi siêu âm được mỗi ba tháng.",
                "Theo dõi cộng hưởng từ sau ba tháng, không sinh thiết. MRI in three months, no biopsy.",
            ),
        ),
        device=("mri", "Siemens"),
        images="examples_overlay",
        observation=("8310-5", "Body temperature", "36.8", "Cel"),
        assessment="Nốt gan nghĩ nhiều đến u máu.",
        advice="Cộng hưởng từ lại sau ba tháng.",
        diagnosis=("D18.0", "U máu / Haemangioma"),
        decision="Theo dõi tại Nghệ An, hẹn chụp lại.",
        outcome="UNCHANGED",
        report="Nốt không đổi kích thước ở lần siêu âm đầu.",
    ),
    Story(
        point="D31-QT",
        patient="Phạm Minh Hoạ",
        sex="MALE",
        born=1964,
        speciality="intensive_care",
        speciality_vi="Hồi sức tích cực",
        urgency="EMERGENCY",
        question="Ngoại tâm thu sau sốc nhiễm khuẩn, dùng thuốc gì? Ectopy after septic shock: which drug?",
        history="Sốc nhiễm khuẩn đường mật ngày thứ tư, đã cắt vận mạch, xuất hiện ngoại tâm thu dày.",
        findings="Huyết áp ổn định, nhịp không đều, kali máu thấp nhẹ.",
        questions=(
            Question(
                "Thuốc chống loạn nhịp hay chỉ bù điện giải? Antiarrhythmic or electrolytes only?",
                "Bù kali và magie trước, theo dõi điện tim liên tục.",
                "Chúng tôi gặp ca tương tự, hết ngoại tâm thu sau khi bù magie.",
                "Bù kali, magie; chưa dùng thuốc chống loạn nhịp. Electrolytes first, no antiarrhythmic yet.",
            ),
        ),
        device=("ecg", "Mortara"),
        images="waveform_ecg",
        observation=("2823-3", "Potassium", "3.2", "mmol/L"),
        assessment="Ngoại tâm thu thất đơn dạng, không có cơn nhịp nhanh.",
        advice="Bù kali và magie, điện tim lại sau sáu giờ.",
        diagnosis=("I49.3", "Ngoại tâm thu thất / Ventricular premature depolarization"),
        decision="Bù điện giải tại Hải Phòng, chưa chuyển viện.",
        outcome="IMPROVED",
        report="Ngoại tâm thu thưa hẳn sau bù điện giải.",
    ),
)
