"""Pictures of figures: bars for the terminal, bars and curves as SVG that is readable in light and dark."""

import math
from html import escape

EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
BAR_COLUMNS = 44
STYLE = """
    .bg { fill: #fdfdfb; stroke: #d8d8d2; }
    .bar { fill: #c9c9c2; }
    .ours { fill: #2a6db0; }
    .floor { fill: #b8651b; }
    .mine { fill: #3c8a4d; }
    .curve { fill: none; stroke-width: 2.2; }
    .curve-0 { stroke: #2a6db0; }
    .curve-1 { stroke: #b8651b; }
    .curve-2 { stroke: #3c8a4d; }
    .dot-0 { fill: #2a6db0; }
    .dot-1 { fill: #b8651b; }
    .dot-2 { fill: #3c8a4d; }
    .grid { stroke: #c9c9c2; stroke-width: 1; stroke-dasharray: 3 4; }
    .whisker { stroke: #44443f; stroke-width: 1.4; }
    text { fill: #22221f; font-family: sans-serif; font-size: 13px; }
    .title { font-weight: bold; font-size: 15px; }
    .small { font-size: 12px; }
    .end { text-anchor: end; }
    .middle { text-anchor: middle; }
    @media (prefers-color-scheme: dark) {
      .bg { fill: #1c1d1f; stroke: #3a3b3e; }
      .bar { fill: #55565a; }
      .ours, .dot-0 { fill: #6fb1f0; }
      .floor, .dot-1 { fill: #f0a860; }
      .mine, .dot-2 { fill: #7fcf90; }
      .curve-0 { stroke: #6fb1f0; }
      .curve-1 { stroke: #f0a860; }
      .curve-2 { stroke: #7fcf90; }
      .grid { stroke: #55565a; }
      .whisker { stroke: #c9c9c4; }
      text { fill: #e8e8e3; }
    }
"""
CLASSES = {"percore": "ours", "raw": "floor", "mine": "mine"}


def bar(share, columns=BAR_COLUMNS):
    """`share` of `columns`, in eighths of a column; what is more than nothing can be seen."""
    eighths = max(1 if share > 0 else 0, round(min(share, 1) * columns * 8))
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8]


def text_bars(charts):
    """charts: [(title, unit, [(name, value, low, high, kind)])]; the longest bar of each is its largest value."""
    out = []
    for title, unit, rows in charts:
        out.append(f"{title}, {unit}")
        largest = max((row[1] for row in rows), default=0) or 1
        width = max(len(row[0]) for row in rows)
        for name, value, *_ in rows:
            out.append(f"  {name:{width}}  {bar(value / largest):{BAR_COLUMNS}}  {plain(value)}")
        out.append("")
    return "\n".join(out)


def plain(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def document(width, height, title, description, body):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title desc">',
        f'  <title id="title">{escape(title)}</title>', f'  <desc id="desc">{escape(description)}</desc>',
        f"  <style>{STYLE}  </style>", f'  <rect class="bg" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        *body, "</svg>", ""])


def svg_bars(charts, title, footer):
    """The same charts as text_bars takes, each with a scale of its own; whiskers are the quartiles."""
    left, right, row_height, bar_width = 150, 830, 20, 560
    body, y = [f'  <text class="title" x="24" y="32">{escape(title)}</text>'], 62
    for name, unit, rows in charts:
        body.append(f'  <text x="24" y="{y}">{escape(name)} <tspan class="small">({escape(unit)})</tspan></text>')
        largest = max((row[3] for row in rows), default=0) or 1
        y += 8
        for runtime, value, low, high, kind in rows:
            length = max(1.0, bar_width * value / largest)
            middle = y + row_height / 2
            body.append(f'  <text class="small end" x="{left - 10}" y="{middle + 4}">{escape(runtime)}</text>')
            body.append(f'  <rect class="{CLASSES.get(kind, "bar")}" x="{left}" y="{y + 3}" width="{length:.1f}"'
                        f' height="{row_height - 6}"/>')
            ends = [left + bar_width * end / largest for end in (low, high)]
            body.append(f'  <line class="whisker" x1="{ends[0]:.1f}" y1="{middle}" x2="{ends[1]:.1f}" y2="{middle}"/>')
            behind = left + max(length, ends[1] - left) + 8
            body.append(f'  <text class="small" x="{behind:.1f}" y="{middle + 4}">{plain(value)}</text>')
            y += row_height
        y += 26
    for line in wrapped(footer, 118):
        body.append(f'  <text class="small" x="24" y="{y}">{escape(line)}</text>')
        y += 17
    words = "; ".join(f"{name}: " + ", ".join(f"{row[0]} {plain(row[1])} {unit}" for row in rows) for name, unit, rows in charts)
    return document(right + 50, y + 4, title, words, body)


def wrapped(text, columns):
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > columns:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line] if line else lines


def svg_curves(title, x_name, unit, curves, footer):
    """curves: [(name, [(x, y)])]; x on a logarithmic scale, y from nothing, so that flat looks flat."""
    width, left, right, top, bottom = 880, 80, 850, 74, 320
    footer_lines = wrapped(footer, 118)
    height = bottom + 90 + 17 * max(0, len(footer_lines) - 2)  # room for two lines always
    points = [point for _, curve in curves for point in curve]
    x_low, x_high = (math.log10(f(x for x, _ in points)) for f in (min, max))
    step = round_step(max(y for _, y in points) / 4 or 1)
    y_high = 4 * step
    across = lambda x: left + (right - left) * (math.log10(x) - x_low) / ((x_high - x_low) or 1)  # noqa: E731
    down = lambda y: bottom - (bottom - top) * y / y_high  # noqa: E731
    body = [f'  <text class="title" x="24" y="32">{escape(title)}</text>']
    for part in range(5):
        y = step * part
        body.append(f'  <line class="grid" x1="{left}" y1="{down(y):.1f}" x2="{right}" y2="{down(y):.1f}"/>')
        body.append(f'  <text class="small end" x="{left - 8}" y="{down(y) + 4:.1f}">{y:,.4g}</text>')
    for x in sorted({x for x, _ in points}):
        body.append(f'  <text class="small middle" x="{across(x):.1f}" y="{bottom + 20}">{short(x)}</text>')
    body.append(f'  <text class="small middle" x="{(left + right) / 2}" y="{bottom + 42}">{escape(x_name)}</text>')
    body.append(f'  <text class="small" x="24" y="{top - 14}">{escape(unit)}</text>')
    for number, (name, curve) in enumerate(curves):
        path = " ".join(f"{across(x):.1f},{down(y):.1f}" for x, y in curve)
        body.append(f'  <polyline class="curve curve-{number % 3}" points="{path}"/>')
        body += [f'  <circle class="dot-{number % 3}" cx="{across(x):.1f}" cy="{down(y):.1f}" r="3.4"/>' for x, y in curve]
        body.append(f'  <rect class="dot-{number % 3}" x="{left + 190 * number + 110}" y="{top - 24}" width="12" height="12"/>')
        body.append(f'  <text class="small" x="{left + 190 * number + 128}" y="{top - 14}">{escape(name)}</text>')
    for number, line in enumerate(footer_lines):
        body.append(f'  <text class="small" x="24" y="{bottom + 62 + 17 * number}">{escape(line)}</text>')
    words = "; ".join(f"{name}: " + ", ".join(f"{short(x)}: {plain(y)}" for x, y in curve) for name, curve in curves)
    return document(width, height, title, f"{unit} over {x_name}. {words}", body)


def round_step(least):
    """The smallest of 1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10 times a power of ten that is not below `least`."""
    power = 10 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10) if power * factor >= least)


def short(number):
    if number >= 1_000_000 and number % 1_000_000 == 0:
        return f"{number // 1_000_000}M"
    return f"{number // 1000}k" if number >= 1000 and number % 1000 == 0 else str(number)
