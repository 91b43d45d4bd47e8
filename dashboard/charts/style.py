"""The style sheet: what Streamlit's theme does not reach. Nothing is fetched; fonts are Streamlit's own."""

import streamlit as st

_CSS = """
<style>
.block-container {padding: 2.6rem clamp(1rem, 2.5vw, 3rem) 1rem; max-width: 1680px;}
.ps-tiles {display: flex; flex-wrap: wrap; gap: 10px;}
.ps-tile {flex: 1 1 128px; border: 1px solid rgba(120,130,138,.45);
  border-left-width: 4px; border-radius: 4px; padding: 6px 12px 8px; min-height: 84px;}
.ps-tile.ps-wide {flex: 2 1 330px;}
.ps-abnormal {border-left-color: #E8730C;}
.ps-flag {font-size: 11px; border: 1px solid #E8730C; border-radius: 3px; padding: 0 4px;
  white-space: nowrap;}
.ps-label {font-size: 13px; opacity: .85;}
.ps-figure {display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0 8px;}
.ps-value {font-size: 30px; line-height: 1.2; font-variant-numeric: tabular-nums;}
.ps-note {font-size: 12.5px; opacity: .8; overflow-wrap: anywhere;}
.ps-counts {display: flex; flex-wrap: wrap; gap: 4px 12px; padding-top: 9px;}
.ps-count, .ps-legend > span {display: inline-flex; align-items: center; gap: 5px;}
.ps-count {font-size: 15px; white-space: nowrap; font-variant-numeric: tabular-nums;}
.ps-mark {display: inline-block; flex: none; text-align: center; font-weight: 700;}
.ps-row .ps-mark {margin-top: 1px;}
.ps-row {display: flex; gap: 9px; align-items: flex-start; font-size: 14px; line-height: 1.35;}
.ps-row .ps-meta {opacity: .8; font-size: 12.5px;}
.ps-row.ps-new b {text-decoration: underline;}
.ps-alarms .ps-row {padding: 0 0 14px; justify-content: space-between;}
.ps-alarms .ps-row > div:first-child {display: flex; gap: 9px; align-items: flex-start;}
.ps-open {flex: none; align-self: center; font: inherit; color: inherit; background: transparent;
  cursor: pointer; border: 1px solid rgba(120,130,138,.6); border-radius: 4px; padding: 5px 14px;
  margin-right: 6px;}
.ps-open:hover {border-color: currentColor;}
.ps-open:focus-visible {outline: 2px solid currentColor; outline-offset: 2px;}
.ps-legend {display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 12.5px;}
.ps-line {border: 1px solid rgba(120,130,138,.45); border-radius: 4px; padding: 5px 10px; font-size: 14px;}
.ps-kind {border: 1px solid currentColor; border-radius: 3px; padding: 0 5px; font-size: 12px;
  margin-right: 6px;}
.ps-facts {display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; font-size: 14px;}
.ps-facts dt {opacity: .8;} .ps-facts dd {margin: 0; overflow-wrap: anywhere;}
.ps-wide-facts {display: flex; flex-wrap: wrap; gap: 6px 26px; font-size: 14px;}
.ps-wide-facts dt {opacity: .8; font-size: 12.5px; font-weight: 400;}
.ps-wide-facts dd, .ps-facts dd {margin: 0 !important;}
dl.ps-facts, dl.ps-wide-facts {margin: 0 !important; padding: 0 !important;} .ps-facts dt {font-weight: 400;}
.ps-missed::after {content: " over target"; font-size: 11px; border: 1px solid #E8730C; border-radius: 3px;
  padding: 0 4px; margin-left: 6px;}
.ps-stamp {font-size: 12.5px; opacity: .8; font-variant-numeric: tabular-nums;}
/* Chips are choices, not warnings: quiet, and readable in the dark. */
[data-tag] {background-color: rgba(120,130,138,.25) !important; color: inherit !important;}
[data-tag] * {color: inherit !important;}
/* A refresh every two seconds must not dim what it replaces. */
[data-stale="true"] {opacity: 1 !important; transition: none !important;}
</style>
"""


def apply_style() -> None:
    """Add the style sheet to the page."""
    st.html(_CSS)
