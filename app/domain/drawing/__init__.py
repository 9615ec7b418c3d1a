"""Pictures of how migrations depend on each other: as text, SVG, Graphviz's dot and Mermaid.

One layout stands behind them: a migration a row, in the order they run, and to its left a lane for each migration that
others depend on, from its own row to the last that needs it.
"""

from app.domain.drawing.dot import dot
from app.domain.drawing.layout import Lane, Layout, lay_out
from app.domain.drawing.mermaid import mermaid
from app.domain.drawing.picture import Drawn, Picture
from app.domain.drawing.svg import svg
from app.domain.drawing.text import text

__all__ = ["Drawn", "Lane", "Layout", "Picture", "dot", "lay_out", "mermaid", "svg", "text"]
