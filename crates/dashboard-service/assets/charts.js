// Draws the figures of the page with plotly.js. What is drawn, in which words and where a click leads is the
// service's business; colours and sizes are decided here, from the theme and the screen.
"use strict";
(() => {
  const french = document.documentElement.lang === "fr";
  const config = { displayModeBar: false, responsive: true, topojsonURL: "/assets/", locale: french ? "fr" : "en" };
  const font = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
  // plotly.js asks a server of its own for the coast lines of the world, even where none are drawn.
  const nothing = { type: "GeometryCollection", geometries: [] };
  const names = ["coastlines", "land", "ocean", "lakes", "rivers", "countries", "subunits"];
  window.PlotlyGeoAssets = {
    topojson: {
      world_110m: { type: "Topology", arcs: [], objects: Object.fromEntries(names.map((name) => [name, nothing])) },
    },
  };
  Plotly.register({
    moduleType: "locale",
    name: "fr",
    dictionary: {},
    format: {
      days: ["dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"],
      shortDays: ["dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."],
      months: ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"],
      shortMonths: ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."],
      date: "%d/%m/%Y",
    },
  });

  let regions = null;
  let figures = {};
  let printing = false;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const narrow = () => window.innerWidth < 640 && !printing;

  function layout(more) {
    const text = colour("--text");
    return {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: font, size: 13, color: text },
      separators: french ? ",\u202f" : ".,",
      margin: { l: 8, r: 8, t: 8, b: 8 },
      hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { family: font, color: text } },
      dragmode: false,
      showlegend: false,
      ...more,
    };
  }

  function axis(more) {
    return {
      automargin: true, fixedrange: true, zeroline: false, gridcolor: colour("--line"), linecolor: colour("--line"),
      tickfont: { color: colour("--muted") }, ...more,
    };
  }

  const shorten = (name, most) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);

  function bars(figure) {
    const items = figure.items;
    const upright = items.length <= 120 && items.every((item) => item.name.length <= 10);
    const many = items.length > 12;
    const others = figure.others ?? [];
    const labels = items.map((item) => shorten(item.name, narrow() ? 16 : 26));
    const values = items.map((item) => item.value);
    const along = items.map((_, index) => index);
    const trace = {
      type: "bar",
      orientation: upright ? "v" : "h",
      x: upright ? along : values,
      y: upright ? values : along,
      name: figure.name ?? "",
      text: upright && many ? undefined : items.map((item) => item.text.split(" · ")[0]),
      textposition: "auto",
      textangle: 0,
      insidetextfont: { color: colour("--on-accent") },
      outsidetextfont: { color: colour("--text") },
      constraintext: "none",
      cliponaxis: false,
      customdata: items.map((item) => `${escaped(item.name)}<br>${escaped(item.text)}`),
      hovertemplate: "%{customdata}<extra></extra>",
      marker: {
        color: items.map((item) => colour(item.marked ? "--chart-2" : "--chart-1")),
        opacity: items.map((item) => (item.chosen ? 1 : 0.35)),
        pattern: { shape: items.map((item) => (item.marked ? "/" : "")), fillmode: "overlay", size: 7, solidity: 0.2 },
      },
    };
    const beside = others.map((other, index) => ({
      ...trace,
      x: upright ? along : other.values,
      y: upright ? other.values : along,
      name: other.name,
      text: upright && many ? undefined : other.texts,
      customdata: items.map((item, at) => `${escaped(item.name)}<br>${escaped(other.name)} · ${escaped(other.texts[at])}`),
      marker: { color: colour(["--chart-3", "--chart-2"][index % 2]) },
    }));
    // Of many names along the axis, only as many as have room.
    const every = upright ? Math.ceil(items.length / (narrow() ? 5 : 16)) : 1;
    const named = along.filter((index) => index % every === 0);
    const ticks = axis({ tickvals: named, ticktext: named.map((index) => labels[index]), showgrid: false });
    const amounts = axis({ showticklabels: false, showgrid: false, rangemode: "tozero" });
    return {
      data: [trace, ...beside],
      layout: layout({
        height: upright ? 300 : Math.max(120, 44 * items.length * (1 + 0.6 * others.length) + 24),
        bargap: 0.3,
        ...(others.length ? { showlegend: true, legend: { orientation: "h", y: 1.1, x: 0 }, margin: { l: 8, r: 8, t: 36, b: 8 } } : {}),
        xaxis: upright ? ticks : amounts,
        yaxis: upright ? amounts : { ...ticks, autorange: "reversed" },
      }),
    };
  }

  function lines(figure) {
    const traces = [];
    const colours = ["--chart-1", "--chart-2", "--chart-3"];
    const mode = figure.x.length < 3 ? "lines+markers" : "lines";
    const days = new Set([...figure.x, ...(figure.forecast?.x ?? [])]).size;
    const hover = "%{customdata}";
    if (figure.forecast) {
      const outlook = figure.forecast;
      const edge = { type: "scatter", mode: "lines", x: outlook.x, hoverinfo: "skip", line: { width: 0 } };
      traces.push({ ...edge, y: outlook.low, showlegend: false });
      traces.push({ ...edge, y: outlook.high, name: outlook.interval, fill: "tonexty", fillcolor: colour("--band"), legendrank: 9 });
      traces.push({
        type: "scatter", mode: "lines", x: outlook.x, y: outlook.values, name: outlook.name, customdata: outlook.texts,
        hovertemplate: hover, line: { color: colour("--chart-3"), width: 2.5, dash: "dash" }, legendrank: 8,
      });
    }
    figure.series.forEach((series, index) => {
      traces.push({
        type: "scatter", mode, x: figure.x, y: series.values, name: series.name, customdata: series.texts,
        hovertemplate: hover, legendrank: index,
        line: { color: colour(colours[index % colours.length]), width: index ? 2 : 2.5, dash: index ? "dot" : "solid" },
      });
    });
    return {
      data: traces,
      layout: layout({
        height: 340,
        hovermode: "x unified",
        showlegend: true,
        legend: { orientation: "h", traceorder: "normal", y: narrow() ? -0.18 : printing ? 1.25 : 1.12, x: 0, font: { size: narrow() || printing ? 11 : 13 } },
        margin: { l: 8, r: 12, t: printing ? 40 : 30, b: narrow() ? 60 : 30 },
        xaxis: axis({ type: "date", tickformat: "%-d %b", hoverformat: "%A %-d %B %Y", showgrid: false, ...(days < 10 ? { dtick: 86400000 * (narrow() ? 2 : 1) } : { nticks: narrow() ? 5 : 12 }) }),
        yaxis: axis({ tickformat: ",.0f", ticksuffix: french ? "\u00a0€" : "", tickprefix: french ? "" : "€", rangemode: "tozero", nticks: 6 }),
      }),
    };
  }

  const scale = () => document.querySelector("input[name=scale]:checked")?.value ?? "linear";
  const plain = (name) => name.replace(/’/g, "'");

  function map(figure) {
    const known = new Set(regions.features.map((feature) => feature.properties.name));
    const items = figure.items.filter((item) => known.has(plain(item.key)));
    const there = new Set(items.map((item) => plain(item.key)));
    const rest = [...known].filter((name) => !there.has(name));
    const steps = [0, 1, 2, 3, 4].map((step) => colour(`--map-${step}`));
    const sorted = items.map((item) => item.value ?? 0).sort((a, b) => a - b);
    const quantile = (value) => Math.min(4, Math.floor((5 * sorted.filter((other) => other < value).length) / sorted.length));
    const classes = scale() === "quantile";
    const border = { line: { color: colour("--card"), width: 1.2 } };
    const common = { type: "choropleth", geojson: regions, featureidkey: "properties.name" };
    legend(classes ? [0, 1, 2, 3, 4].map((step) => sorted[Math.ceil((step * sorted.length) / 5)]) : [0, sorted.at(-1)], sorted.at(-1));
    const chosen = items.flatMap((item, index) => (item.chosen ? [index] : []));
    return {
      data: [
        {
          ...common, locations: rest, z: rest.map(() => 0), showscale: false, hovertemplate: "%{location}<extra></extra>",
          colorscale: [[0, colour("--map-none")], [1, colour("--map-none")]], marker: border,
        },
        {
          ...common,
          locations: items.map((item) => plain(item.key)),
          z: items.map((item) => (classes ? quantile(item.value ?? 0) : item.value ?? 0)),
          zmin: 0,
          zmax: classes ? 4 : Math.max(1, ...sorted),
          colorscale: steps.map((step, index) => [index / 4, step]),
          showscale: false, // plotly.js writes inline styles into its colour bar, which the policy refuses
          customdata: items.map((item) => `${escaped(item.name)}<br>${escaped(item.text)}`),
          hovertemplate: "%{customdata}<extra></extra>",
          marker: border,
          selectedpoints: chosen.length === items.length ? null : chosen,
          unselected: { marker: { opacity: 0.3 } },
        },
      ],
      layout: layout({
        height: narrow() ? 340 : 420,
        margin: { l: 0, r: 0, t: 0, b: 0 },
        geo: {
          visible: false, bgcolor: "rgba(0,0,0,0)",
          projection: { type: "conic conformal", parallels: [44, 49], rotation: { lon: 3 } },
          lonaxis: { range: [-6.5, 9.7] }, lataxis: { range: [41.1, 51.2] },
        },
      }),
    };
  }

  /** What the colours of the map mean: from the least to the most. */
  function legend(from, most) {
    const place = document.getElementById("legend");
    if (!place || most === undefined) return;
    const money = new Intl.NumberFormat(french ? "fr-FR" : "en-GB", { style: "currency", currency: "EUR", maximumFractionDigits: 0, notation: "compact" });
    const steps = [0, 1, 2, 3, 4].map((step) => {
      const swatch = document.createElement("span");
      swatch.className = `step step-${step}`;
      if (from.length === 5 && from[step] !== undefined) swatch.title = `≥ ${money.format(from[step])}`;
      return swatch;
    });
    place.replaceChildren(money.format(from[0]), ...steps, money.format(most));
  }

  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

  async function draw(place, figure) {
    if (figure.kind === "map" && !regions) {
      regions = await (await fetch(document.body.dataset.regions)).json();
    }
    const drawing = { bars, lines, map }[figure.kind](figure);
    if (printing) {
      drawing.layout.width = place.closest(".beside") ? 310 : 640;
      drawing.layout.height = Math.min(drawing.layout.height, 230);
    } else {
      drawing.layout.width = place.clientWidth;
    }
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", figure.label);
    await Plotly.react(place, drawing.data, drawing.layout, config);
    if (!place.dataset.heard) {
      place.dataset.heard = "yes";
      place.on("plotly_click", (event) => {
        const point = event.points[0];
        const items = figures[place.id]?.items ?? [];
        const item = items.find((item) => plain(item.key) === point.location) ?? items[point.pointIndex];
        if (item?.link && (point.location === undefined || plain(item.key) === point.location)) {
          window.comptoir.show(item.link);
        }
      });
    }
    place.style.cursor = figure.items?.some((item) => item.link) ? "pointer" : "";
  }

  async function drawAll() {
    figures = window.comptoir.figures;
    const places = [...document.querySelectorAll("[data-chart]")].filter((place) => figures[place.id]);
    await Promise.all(places.map((place) => draw(place, figures[place.id])));
    document.documentElement.dataset.drawn = String(window.comptoir.version);
  }

  document.addEventListener("figures", drawAll);
  document.addEventListener("change", (event) => {
    if (event.target.name === "scale") drawAll();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-png]");
    if (!button) return;
    const place = document.getElementById(button.dataset.png);
    Plotly.downloadImage(place, { format: "png", scale: 2, width: 1000, height: 560, filename: `comptoir-${place.id}` });
  });
  let resized = 0;
  window.addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(drawAll, 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  window.addEventListener("beforeprint", () => {
    printing = true;
    document.documentElement.classList.add("printing");
    drawAll();
  });
  window.addEventListener("afterprint", () => {
    printing = false;
    document.documentElement.classList.remove("printing");
    drawAll();
  });
  drawAll();
})();
