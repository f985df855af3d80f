"""What every instance says, module by module of PS3.3: patient, study, series, equipment, image, common.

Rules: type 2 attributes of which nothing is known are empty, never invented; UIDs follow from our ids (PS3.5, B.2), so
an export that is made again is the same instance and no second one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from uuid import UUID, uuid5

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID

from domain._values import VIETNAM_TIME

MAKER = "Telehealth"
ULTRASOUND = "US"
LOSSY = "01"
NOT_LOSSY = "00"


@dataclass(frozen=True, slots=True)
class About:
    """Of whom, where and with what. `patient_id` is a pseudonym; `patient_name` is given only by somebody who may.

    `device_maker` and `device_model` are as the point connected the device; `facility` is its name.
    """

    study_id: UUID
    series_id: UUID
    patient_id: UUID
    study_at: datetime
    patient_name: str | None = None
    device_maker: str = ""
    device_model: str = ""
    device_serial: str = ""
    facility: str = ""


@dataclass(frozen=True, slots=True)
class Lossy:
    """How often and how the picture was compressed with a loss; ratios are uncompressed to compressed bytes."""

    methods: tuple[str, ...]
    ratios: tuple[float, ...]


def uid(of: UUID, part: str = "") -> UID:
    return UID(f"2.25.{uuid5(of, part).int if part else of.int}")


def instance(about: About, sop_class: UID, transfer_syntax: UID, number: int, taken_at: datetime) -> FileDataset:
    """Everything but the picture."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = uid(about.series_id, f"{number}")
    meta.TransferSyntaxUID = transfer_syntax
    found = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    found.SpecificCharacterSet = "ISO_IR 192"
    found.SOPClassUID, found.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    _patient(found, about)
    _study_and_series(found, about)
    _equipment(found, about)
    local = taken_at.astimezone(VIETNAM_TIME)
    found.InstanceNumber = number + 1
    found.PatientOrientation = None
    found.ContentDate = found.AcquisitionDate = local.strftime("%Y%m%d")
    found.ContentTime = found.AcquisitionTime = local.strftime("%H%M%S.%f")
    found.AcquisitionDateTime = local.strftime("%Y%m%d%H%M%S.%f%z")
    found.TimezoneOffsetFromUTC = local.strftime("%z")
    # Nobody has looked whether the device wrote a name into the picture.
    found.BurnedInAnnotation = "YES"
    return found


def picture(found: Dataset, width: int, height: int, photometric: str, planar: int = 0) -> None:
    """Eight bits each of three colours, since screens of scanners come in colour."""
    found.SamplesPerPixel = 3
    found.PhotometricInterpretation = photometric
    found.PlanarConfiguration = planar
    found.Rows, found.Columns = height, width
    found.BitsAllocated, found.BitsStored, found.HighBit = 8, 8, 7
    found.PixelRepresentation = 0
    found.UltrasoundColorDataPresent = 1


def lossy(found: Dataset, how: Lossy | None) -> None:
    """(0028,2110): once lossy, always lossy, whatever the picture is stored as now."""
    found.LossyImageCompression = LOSSY if how else NOT_LOSSY
    if how:
        found.LossyImageCompressionMethod = list(how.methods)
        found.LossyImageCompressionRatio = [f"{ratio:.2f}" for ratio in how.ratios]


def written(found: FileDataset) -> bytes:
    out = BytesIO()
    found.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _patient(found: Dataset, about: About) -> None:
    found.PatientID = str(about.patient_id)
    found.PatientName = about.patient_name or f"Pseudonym^{str(about.patient_id)[:8]}"
    found.PatientBirthDate = ""
    found.PatientSex = ""
    if about.patient_name is None:
        found.PatientIdentityRemoved = "YES"
        found.DeidentificationMethod = "Pseudonym of the network; pixels not inspected"


def _study_and_series(found: Dataset, about: About) -> None:
    local = about.study_at.astimezone(VIETNAM_TIME)
    found.StudyInstanceUID, found.SeriesInstanceUID = uid(about.study_id), uid(about.series_id)
    found.StudyDate, found.StudyTime = local.strftime("%Y%m%d"), local.strftime("%H%M%S")
    found.StudyID, found.AccessionNumber, found.ReferringPhysicianName = "", "", ""
    found.Modality = ULTRASOUND
    found.SeriesNumber = None
    found.Laterality = ""


def _equipment(found: Dataset, about: About) -> None:
    found.Manufacturer = about.device_maker
    found.ManufacturerModelName = about.device_model
    found.DeviceSerialNumber = about.device_serial
    found.InstitutionName = about.facility
    found.SoftwareVersions = MAKER
