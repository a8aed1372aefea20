"""Text of unknown origin in a form that can be shown: one line, printable, and not without end."""

from __future__ import annotations

MOST = 2000


def one_line(text: str, most: int = MOST) -> str:
    """``text`` with everything that is not printable escaped, cut after ``most`` characters.

    >>> one_line("a\\nb\\x00")
    'a\\\\nb\\\\x00'
    """
    head = text[:most]
    if not head.isprintable():
        head = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in head)
    return head + "…" * (len(text) > most)
