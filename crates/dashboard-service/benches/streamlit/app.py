"""The same four widgets as a Streamlit page, for comparison: total, products, regions, the curve."""

import json
import os
import urllib.request

import plotly.express as px
import streamlit as st

SCRIPT = os.environ["SCRIPT_URL"]


def analysis(name):
    with urllib.request.urlopen(f"{SCRIPT}/analysis/{name}") as answer:
        return json.load(answer)


st.set_page_config(page_title="Sales", layout="wide")
total = analysis("total")["rows"][0]
products = analysis("product")["rows"][:5]
regions = analysis("region")["rows"]
trend = analysis("trend")["rows"]
with open(os.environ["REGIONS"], encoding="utf-8") as file:
    outlines = json.load(file)

st.title("Sales")
st.metric("Total revenue", f"€{total['total_revenue']:,.0f}")
left, right = st.columns(2)
left.plotly_chart(px.bar(products, x="total_sales", y="name", orientation="h"))
left.dataframe(products)
right.plotly_chart(
    px.choropleth(
        regions, geojson=outlines, featureidkey="properties.name", locations="region", color="total_sales", fitbounds="locations"
    )
)
right.dataframe(regions)
st.plotly_chart(px.line(trend, x="date", y=["total_sales", "moving_average_7d"]))
