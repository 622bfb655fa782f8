"""What a page of HTML asks a browser for."""

from html.parser import HTMLParser


class Addresses(HTMLParser):
    """Everything that a browser would fetch, every link, every anchor; counts tags that are not closed."""

    VOID = frozenset({"meta", "img", "br", "wbr", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.anchors: list[str] = []
        self.open: list[str] = []
        self.alts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.fetched += [values[name] for name in ("src", "srcset", "data", "poster") if name in values]
        if tag in ("link", "script", "iframe", "object"):
            self.fetched.append(f"<{tag}>")
        self.links += [values["href"]] if tag == "a" else []
        self.anchors += [values["id"]] if "id" in values else []
        self.alts += [values.get("alt", "")] if tag == "img" else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
