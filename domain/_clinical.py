"""Coded and measured content that is a patient's personal data: the values of the field with their mark."""

from __future__ import annotations

from typing import Annotated

from domain._leaving import Leaves
from domain._personal import DataClass, Personal
from domain._values import Blob, Coding, Quantity

ClinicalCoding = Annotated[Coding, Personal(DataClass.CLINICAL), Leaves.CATEGORY]
ClinicalQuantity = Annotated[Quantity, Personal(DataClass.CLINICAL)]
MediaBlob = Annotated[Blob, Personal(DataClass.MEDIA)]
