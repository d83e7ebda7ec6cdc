/** Probabilities over time as a stacked area, and bands of moods that last beneath it. Drawn by uPlot. */

import uPlot from "/static/vendor/uPlot.esm.js";
import { colourOf, inkOn } from "/static/moods.js";

const HEIGHT = 190;
const BAND = 14;

/** Columns of rows [time, shares or null], stacked from below: the topmost edge is the sum. */
export function stacked(rows, nLabels, longestGap) {
  const times = [];
  const edges = Array.from({ length: nLabels }, () => []);
  let before = null;
  for (const [time, shares] of rows) {
    if (before !== null && time - before > longestGap) {
      times.push(before + longestGap);
      for (const edge of edges) edge.push(null);
    }
    before = time;
    times.push(time);
    let sum = 0;
    for (let label = 0; label < nLabels; label += 1) {
      sum += shares ? (shares[label] ?? 0) : 0;
      edges[label].push(shares ? Math.min(1, sum) : null);
    }
  }
  return [times, ...edges];
}

function bandsPlugin(bands) {
  return {
    hooks: {
      draw: [
        (plot) => {
          const { ctx, bbox } = plot;
          const ratio = devicePixelRatio;
          ctx.save();
          for (const { label, start, end } of bands()) {
            const from = Math.max(bbox.left, plot.valToPos(start, "x", true));
            const to = Math.min(bbox.left + bbox.width, plot.valToPos(end, "x", true));
            if (to <= from) continue;
            const top = bbox.top + bbox.height - BAND * ratio;
            ctx.fillStyle = colourOf(label);
            ctx.fillRect(from, top, to - from, BAND * ratio);
            ctx.strokeStyle = "#000";
            ctx.lineWidth = ratio;
            ctx.strokeRect(from, top, to - from, BAND * ratio);
            ctx.font = `${11 * ratio}px system-ui, sans-serif`;
            if (ctx.measureText(label).width + 8 * ratio < to - from) {
              ctx.fillStyle = inkOn(colourOf(label));
              ctx.textBaseline = "middle";
              ctx.textAlign = "left";
              ctx.fillText(label, from + 4 * ratio, top + (BAND / 2) * ratio);
            }
          }
          ctx.restore();
        },
      ],
    },
  };
}

export class Stacked {
  /** `bands`: gives {label, start, end}. `times`: how the axis is written. `range`: gives [from, to]. */
  constructor(parent, { bands = () => [], times = null, range = null, onPick = null }) {
    this.parent = parent;
    this.options = { bands, times, range, onPick };
    this.labels = [];
    this.plot = null;
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(parent);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.again());
  }

  /** `columns`: as `stacked` gives them. */
  set(labels, columns) {
    this.columns = columns;
    if (this.plot === null || labels.join("\n") !== this.labels.join("\n")) {
      this.labels = [...labels];
      this.again();
    } else {
      this.plot.setData(columns);
    }
  }

  again() {
    this.plot?.destroy();
    this.plot = null;
    if (this.labels.length === 0 || !this.columns) return;
    this.plot = new uPlot(this.described(), this.columns, this.parent);
    // what it shows is told by the list of bars beside it
    this.plot.root.setAttribute("aria-hidden", "true");
  }

  resize() {
    if (this.plot && this.parent.clientWidth > 0) this.plot.setSize({ width: this.parent.clientWidth, height: HEIGHT });
  }

  described() {
    const style = getComputedStyle(this.parent);
    const ink = style.color;
    const paper = getComputedStyle(document.body).backgroundColor;
    const grid = { stroke: style.getPropertyValue("--line"), width: 1 };
    const axis = { stroke: ink, grid, ticks: grid, font: "12px system-ui, sans-serif" };
    const series = this.labels.map((label, index) => ({
      label,
      stroke: paper,
      width: 0.5,
      // the lowest is filled to the axis, each other down to the edge below it
      fill: colourOf(label),
      points: { show: false },
      value: (plot, value, seriesIndex, at) => {
        if (value === null || value === undefined) return "–";
        const below = index === 0 ? 0 : (plot.data[seriesIndex - 1][at] ?? 0);
        return `${Math.round(100 * (value - below))} %`;
      },
    }));
    const { times, range, onPick, bands } = this.options;
    return {
      width: Math.max(200, this.parent.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      cursor: {
        drag: { x: false, y: false },
        points: { show: false },
        bind: onPick ? { click: (plot) => () => onPick(plot.posToVal(plot.cursor.left, "x")) } : {},
      },
      scales: { x: { time: times === null, range: range ? () => range() : undefined }, y: { range: [0, 1] } },
      axes: [
        {
          ...axis,
          size: 30,
          space: 70,
          ...(times
            ? { values: (_plot, ticks) => ticks.map(times) }
            : {
                values: [
                  [60, "{HH}:{mm}", null, null, null, null, null, null, 1],
                  [1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1],
                ],
              }),
        },
        { ...axis, size: 58, values: (_plot, ticks) => ticks.map((tick) => `${Math.round(100 * tick)} %`) },
      ],
      series: [{}, ...series],
      bands: this.labels.slice(1).map((_, index) => ({ series: [index + 2, index + 1] })),
      plugins: [bandsPlugin(bands)],
    };
  }
}
