"""A sealed result as a page for people: the same figures as HTML and as PDF, in Vietnamese and in English."""
