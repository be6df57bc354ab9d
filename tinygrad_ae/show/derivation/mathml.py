"""LaTeX mathematics as MathML, which browsers draw without any script."""

from __future__ import annotations

from html import escape

from .formula import ACCENTS, RELATIONS, SIGNS, SILENT, SPACES, TOKEN

LARGE = {"sum": "∑", "prod": "∏", "bigvee": "⋁", "bigwedge": "⋀"}  # indices stand below these
UPRIGHT = {"operatorname", "mathrm", "text", "textrm", "mathsf"}
BRACKETS = {
    "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "langle": "⟨", "rangle": "⟩",
    "lVert": "‖", "rVert": "‖", "Vert": "‖", "lvert": "|", "rvert": "|", "vert": "|",
}  # fmt: skip
HATS = {"hat": "^", "widehat": "^", "tilde": "~", "widetilde": "~", "bar": "¯", "overline": "¯",
        "dot": "˙", "ddot": "¨", "vec": "→"}  # fmt: skip


def from_latex(tex: str) -> str:
    """Return the content of a ``<math>`` element. Any string gives well-formed MathML."""
    reader = _Reader(tex)
    items: list[str] = []
    while reader.at < len(reader.tokens):
        items += reader.row()
        reader.at += 1  # over a closing brace too many
    return "".join(items)


class _Reader:
    def __init__(self, tex: str) -> None:
        self.tokens = [m.group() for m in TOKEN.finditer(tex) if not m.group().isspace()]
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def row(self) -> list[str]:
        """Read up to the end of the group."""
        items: list[str] = []
        while self.peek() not in ("", "}"):
            if self.peek() in ("^", "_"):
                self.script(items)
            else:
                items.append(self.item())
        return items

    def script(self, items: list[str]) -> None:
        """Attach what is raised and lowered to the last item, both at once if both are there."""
        base = items.pop() if items else "<mrow></mrow>"
        parts: dict[str, str] = {}
        while self.peek() in ("^", "_") and self.peek() not in parts:
            mark = self.peek()
            self.at += 1
            parts[mark] = self.item() if self.peek() not in ("", "}") else "<mrow></mrow>"
        is_large = base.startswith("<mo") and any(sign in base for sign in LARGE.values())
        sub, sup, both = (
            ("munder", "mover", "munderover") if is_large else ("msub", "msup", "msubsup")
        )
        if len(parts) == 2:
            items.append(f"<{both}>{base}{parts['_']}{parts['^']}</{both}>")
        else:
            (mark, script), tag = next(iter(parts.items())), sub if "_" in parts else sup
            items.append(f"<{tag}>{base}{script}</{tag}>")

    def item(self) -> str:
        """Read one sign, command or group, as one element."""
        token = self.peek()
        self.at += 1
        if token == "{":
            items = self.row()
            self.at += 1
            return items[0] if len(items) == 1 else f"<mrow>{''.join(items)}</mrow>"
        if token.startswith("\\"):
            return self.command(token[1:])
        if token.isdigit():
            while self.peek().isdigit() or (
                self.peek() == "." and self.tokens[self.at + 1 :][:1] != []
            ):
                token += self.peek()
                self.at += 1
            return f"<mn>{token}</mn>"
        if token.isalpha() or token == "∂":
            return f"<mi>{escape(token)}</mi>"
        if token == "~":
            return _space("0.3em")
        return _operator({"-": "−", "*": "∗"}.get(token, token))

    def argument(self) -> str:
        return self.item() if self.peek() not in ("", "}") else "<mrow></mrow>"

    def word(self) -> str:
        """Read a group as plain letters."""
        if self.peek() != "{":
            return self.argument()
        self.at += 1
        text, depth = "", 1
        while self.at < len(self.tokens) and depth:
            token = self.peek()
            self.at += 1
            depth += (token == "{") - (token == "}")
            text += "" if token in "{}" else " " if token == "~" else token.lstrip("\\")
        return f"<mi mathvariant='normal'>{escape(text)}</mi>"

    def command(self, name: str) -> str:
        if name in BRACKETS:
            return _operator(BRACKETS[name])
        if name in LARGE:
            return f"<mo movablelimits='false'>{LARGE[name]}</mo>"
        if name == "top":
            return "<mo>⊤</mo>"
        if name in ("infty", "ell", "partial", "nabla") or (name in SIGNS and name[:1].isalpha()):
            return f"<mi>{SIGNS[name]}</mi>"
        if name in RELATIONS:
            return _operator(RELATIONS[name])
        if name in ACCENTS:
            return f"<mover accent='true'>{self.argument()}<mo>{HATS[name]}</mo></mover>"
        if name in ("frac", "dfrac", "tfrac"):
            return f"<mfrac>{self.argument()}{self.argument()}</mfrac>"
        if name == "sqrt":
            return f"<msqrt>{self.argument()}</msqrt>"
        if name in UPRIGHT:
            return self.word()
        if name in SPACES:
            return _space("0.17em" if name == "," else "0.3em")
        if name in ("left", "right") and self.peek() not in ("", "."):
            return self.item().replace(" stretchy='false'", "")
        if name in SILENT:
            self.at += self.peek() == "."  # a bracket one cannot see
            return "<mrow></mrow>"
        if name == "|":
            return _operator("‖")
        if len(name) == 1:
            return "<mrow></mrow>" if name == "!" else _operator(name)
        return f"<mi mathvariant='normal'>{escape(name)}</mi>"


def _operator(sign: str) -> str:
    fixed = " stretchy='false'" if sign in "()[]|‖" else ""  # \\left and \\right let them grow
    return f"<mo{fixed}>{escape(sign)}</mo>"


def _space(width: str) -> str:
    return f"<mspace width='{width}'/>"
