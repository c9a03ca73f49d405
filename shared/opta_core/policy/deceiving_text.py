"""Characters that make a text look different from what it is: they hide, reorder or stand for nothing."""

import re

# Characters that make a line look different from what it is. Unicode: Default_Ignorable_Code_Point of DerivedCoreProperties, controls,
# bidi controls and line separators, the interlinear marks, and letters and symbols whose glyph is blank.
_DECEIVING_RANGES = """
    0000-0008 000B-001F 007F-009F   controls
    00AD 034F 061C 180B-180F        soft hyphen, joiner, Arabic and Mongolian marks
    115F-1160 3164 FFA0             Hangul fillers: letters without a glyph
    17B4-17B5                       Khmer vowels without a glyph
    200B-200F 2028-202E 2060-206F   zero-width, separators, bidi, invisible operators
    2800                            a Braille pattern without dots
    FE00-FE0F E0100-E01EF           variation selectors
    FEFF FFF0-FFFB                  byte order mark, specials
    13430-13440 13441-13442         Egyptian joiners and blanks
    16FE4                           a Khitan filler
    1BCA0-1BCA3 1D159 1D173-1D17A   shorthand controls, musical null notehead and controls
    E0000-E00FF E01F0-E0FFF         tags and what is reserved beside them
"""
_RANGE = re.compile(r"\b([0-9A-F]{4,5})(?:-([0-9A-F]{4,5}))?(?=\s)")
_DECEIVING = re.compile(
    "[" + "".join(f"{chr(int(first, 16))}-{chr(int(last or first, 16))}" for first, last in _RANGE.findall(_DECEIVING_RANGES)) + "]"
)


def deceiving(text: str) -> str:
    """The first character that hides or reorders text when it is displayed, as U+XXXX; '' when there is none."""
    found = _DECEIVING.search(text)
    return f"U+{ord(found.group()):04X}" if found else ""
