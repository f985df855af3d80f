"""Recordings and stills as DICOM: Ultrasound Multi-frame Image and Ultrasound Image (PS3.3, A.7 and A.6).

Rules: the video's own bytes go out where DICOM knows their codec, and where it does not they are decoded once and said
to be twice lossy; a patient is a pseudonym unless somebody gives a name; nobody has looked whether the device wrote a
name into the picture, so it says that one may be there; the same recording makes the same instance.
"""
