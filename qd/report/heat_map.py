"""An archive as a coloured table, in HTML that needs nothing but a browser."""

from __future__ import annotations

from html import escape

from debateqd.qd.archive.base import HeatMap

_STYLE = (
    "body{font:14px system-ui,sans-serif;margin:12px;color:#222;background:#fff}"
    "table{border-collapse:separate;border-spacing:3px}"
    "th{font-weight:600;text-align:left;padding:4px 8px}"
    "td{text-align:center;padding:8px 12px;min-width:56px;border-radius:4px}"
    "td.empty{background:#f0f0f0;color:#999}"
    "caption{text-align:left;padding-bottom:8px}"
)


def _colour(share: float) -> tuple[str, str]:
    """Background and text colour from light (lowest) to dark (highest), readable at both ends."""
    light, dark = (222, 235, 247), (8, 69, 148)
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(light, dark, strict=True))
    return f"rgb({red},{green},{blue})", "#fff" if share > 0.5 else "#222"


def _label(name: str) -> str:
    return escape(name.replace("_", " "))


def heat_map_html(heat_map: HeatMap, title: str) -> str:
    """Draw an archive: families down, behaviour across, colour by rating.

    Returns:
        A complete HTML page.
    """
    filled = [v for row in heat_map.values for v in row if v is not None]
    low, high = (min(filled), max(filled)) if filled else (0.0, 0.0)
    head = "".join(f"<th>{_label(column)}</th>" for column in heat_map.columns)
    body = []
    for name, row in zip(heat_map.rows, heat_map.values, strict=True):
        cells = []
        for value in row:
            if value is None:
                cells.append('<td class="empty">empty</td>')
                continue
            share = (value - low) / (high - low) if high > low else 0.5
            background, colour = _colour(share)
            cells.append(f'<td style="background:{background};color:{colour}">{value:.0f}</td>')
        body.append(f"<tr><th>{_label(name)}</th>{''.join(cells)}</tr>")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        f"</title><style>{_STYLE}</style></head><body><table><caption>{escape(title)}</caption>"
        f"<thead><tr><th>family \\ {_label(heat_map.axis)}</th>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></body></html>\n"
    )
