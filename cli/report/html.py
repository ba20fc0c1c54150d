"""A report as one HTML file: charts are SVG, nothing comes from elsewhere, and every word of a user is escaped."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files

from cli.report.answers import PortfolioAnswers, known
from cli.report.figures import day, money, percent, price, quantity, share
from cli.report.page import Bar, Grid, Path, Section
from cli.report.positions import contract, valued_positions

ROW, LABEL, CHART, TEXT = 24, 210, 360, 170
"""Sizes of a chart of bars, in units of its own: a bar's height, and the widths of its three parts."""
WIDE, HIGH, MARGIN = 740, 220, 56
"""Sizes of a chart of paths."""


def html_page(answers: PortfolioAnswers, sections: Sequence[Section]) -> str:
    """Give the whole file."""
    complete = answers.complete
    title = escape(answers.name)
    parts = "\n".join(_section(section) for section in [*sections, _positions(answers)])
    as_of = f"Valued at the close of {day(complete.as_of_date)}, in {escape(complete.portfolio.base_currency)}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: risk report</title>
<style>
{files("cli.report").joinpath("report.css").read_text(encoding="utf-8")}</style>
</head>
<body>
<header><h1>{title}</h1><p>{as_of}</p></header>
<main>
{_tiles(answers)}
{parts}
{_provenance(answers)}
</main>
</body>
</html>
"""


def _tiles(answers: PortfolioAnswers) -> str:
    overview, nav = answers.overview, answers.net_asset_value
    exposures = overview.exposures
    told = [
        ("Net asset value", money(nav), ""),
        ("Gross exposure", money(exposures.gross_exposure), percent(share(exposures.gross_exposure, nav))),
        ("Net exposure", money(exposures.net_exposure), percent(share(exposures.net_exposure, nav))),
        ("P&L since entry", money(overview.pnl.total_pnl), ""),
        ("Positions", str(overview.position_count.total_positions), f"{overview.position_count.option_count} options"),
        ("Modelled", percent(known(overview.metadata.coverage, "modelled_percent")), "of gross exposure"),
    ]
    tiles = "".join(
        f"<div><span>{escape(name)}</span><strong>{escape(figure)}</strong><em>{escape(beside)}</em></div>"
        for name, figure, beside in told
    )
    return f'<div class="tiles">{tiles}</div>'


def _positions(answers: PortfolioAnswers) -> Section:
    nav = answers.net_asset_value
    valued = sorted(valued_positions(answers.complete), key=lambda held: -held.market_value)
    rows = [
        (
            contract(held.position),
            quantity(held.position.quantity),
            price(held.price),
            money(held.market_value),
            percent(share(held.market_value, nav)),
            money(known(held, "unrealized_pnl")),
        )
        for held in valued
    ]
    warnings = tuple(dict.fromkeys([*answers.complete.quality.warnings, *answers.overview.metadata.warnings]))
    notes = tuple(f"{warning[:1].upper()}{warning[1:].rstrip('.')}." for warning in warnings)
    titles = ("Position", "Quantity", "Price", "Market value", "of NAV", "P&L")
    return Section("Positions", grid=Grid(titles, rows), notes=notes)


def _provenance(answers: PortfolioAnswers) -> str:
    metadata = answers.overview.metadata
    told = (
        f"Portfolio revision {metadata.portfolio_revision}, market data version {metadata.data_version}, "
        f"prices {metadata.price_basis or 'none'}, model {metadata.model_version}. Result {metadata.result_id}."
    )
    return f"<footer>{escape(told)}</footer>"


def _section(section: Section) -> str:
    body = [f"<h2>{escape(section.title)}</h2>"]
    if section.paths:
        body.append(_path_chart(section.paths))
    if section.bars:
        body.append(_bar_chart(section.bars))
    if section.grid:
        body.append(_table(section.grid))
    body += [f'<p class="note">{escape(note)}</p>' for note in section.notes]
    return f"<section>{''.join(body)}</section>"


def _table(grid: Grid) -> str:
    words = {0, len(grid.titles) - 1} if grid.last_is_prose else {0}

    def row(cells: Sequence[str], tag: str) -> str:
        told = (f"<{tag}{_kind(place in words)}>{escape(cell)}</{tag}>" for place, cell in enumerate(cells))
        return f"<tr>{''.join(told)}</tr>"

    rows = "".join(row(cells, "td") for cells in grid.rows)
    return f'<div class="wide"><table><thead>{row(grid.titles, "th")}</thead><tbody>{rows}</tbody></table></div>'


def _kind(is_words: bool) -> str:
    return "" if is_words else ' class="figure"'


def _bar_chart(bars: Sequence[Bar]) -> str:
    lowest, highest = min(0.0, *(bar.amount for bar in bars)), max(0.0, *(bar.amount for bar in bars))
    scale = CHART / ((highest - lowest) or 1.0)
    zero = LABEL - lowest * scale
    drawn = []
    for place, bar in enumerate(bars):
        top, length = place * ROW, abs(bar.amount) * scale
        start = zero if bar.amount >= 0 else zero - length
        side = "gain" if bar.amount >= 0 else "loss"
        middle = top + ROW * 0.68
        drawn.append(
            f'<text x="{LABEL - 10}" y="{middle:.1f}" text-anchor="end">{escape(bar.label)}</text>'
            f'<rect class="{side}" x="{start:.1f}" y="{top + 4}" width="{max(length, 1.0):.1f}" height="{ROW - 8}"/>'
            f'<text x="{LABEL + CHART + 10}" y="{middle:.1f}">{escape(bar.text)}</text>'
        )
    height = len(bars) * ROW
    axis = f'<line x1="{zero:.1f}" y1="0" x2="{zero:.1f}" y2="{height}"/>'
    return f'<svg viewBox="0 0 {LABEL + CHART + TEXT} {height}" role="img">{"".join(drawn)}{axis}</svg>'


def _path_chart(paths: Sequence[Path]) -> str:
    amounts = [amount for path in paths for amount in path.amounts]
    lowest, highest = min(0.0, *amounts), max(0.0, *amounts)
    span = (highest - lowest) or 1.0

    def height(amount: float) -> float:
        return 10 + (HIGH - 40) * (highest - amount) / span

    drawn = [
        f'<line class="level" x1="{MARGIN}" y1="{height(level):.1f}" x2="{WIDE}" y2="{height(level):.1f}"/>'
        f'<text x="{MARGIN - 6}" y="{height(level) + 4:.1f}" text-anchor="end">{percent(100 * level)}</text>'
        for level in dict.fromkeys((lowest, 0.0, highest))
    ]
    for place, path in enumerate(paths):
        step = (WIDE - MARGIN) / max(len(path.amounts) - 1, 1)
        points = " ".join(f"{MARGIN + step * n:.1f},{height(amount):.1f}" for n, amount in enumerate(path.amounts))
        drawn.append(f'<polyline class="path{place}" points="{points}"/>')
        drawn.append(
            f'<text class="path{place}" x="{MARGIN + 12 + 130 * place}" y="{HIGH - 4}">{escape(path.label)}</text>'
        )
    days = paths[0].days
    drawn.append(f'<text x="{WIDE}" y="{HIGH - 4}" text-anchor="end">{day(days[0])} to {day(days[-1])}</text>')
    return f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img">{"".join(drawn)}</svg>'
