"""A chart of Altair, of whatever shape: what a view returns and a panel draws."""

import altair as alt

Drawing = alt.Chart | alt.LayerChart | alt.FacetChart | alt.VConcatChart | alt.HConcatChart
