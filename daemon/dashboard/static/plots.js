/** Pictures of a recording, drawn on any canvas: on the page, and in the picture that is downloaded. */

import { colourOf, inkOn } from "/static/moods.js";
import { clock } from "/static/words.js";

export const MARGIN = { left: 62, right: 12, top: 6, bottom: 24 };
// magma, which keeps its order in grey and for the colour-blind; after Smith and van der Walt (2015)
const MAGMA = ["#000004", "#180f3d", "#440f76", "#721f81", "#9e2f7f", "#cd4071", "#f1605d", "#fd9668", "#feca8d", "#fcfdbf"];
const PALETTE = palette(MAGMA);

function palette(stops) {
  const parts = stops.map((stop) => [1, 3, 5].map((at) => parseInt(stop.slice(at, at + 2), 16)));
  return Array.from({ length: 256 }, (_, level) => {
    const place = (level / 255) * (parts.length - 1);
    const low = Math.min(Math.floor(place), parts.length - 2);
    return parts[low].map((one, index) => Math.round(one + (place - low) * (parts[low + 1][index] - one)));
  });
}

/** Ticks at 1, 2 or 5 times a power of ten, at most so many. */
export function ticks(from, to, most) {
  const rough = (to - from) / most;
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const found = [];
  for (let tick = Math.ceil(from / step) * step; tick <= to + step / 1e6; tick += step)
    found.push(Number(tick.toPrecision(10)));
  return found;
}

/** Where values are on the canvas: {x, y, width, height, end, low, high, ink, soft}. */
function place(box, end, low, high) {
  const inner = {
    ...box,
    x: box.x + MARGIN.left,
    y: box.y + MARGIN.top,
    width: box.width - MARGIN.left - MARGIN.right,
    height: box.height - MARGIN.top - MARGIN.bottom,
    end,
    low,
    high,
  };
  inner.atX = (seconds) => inner.x + (inner.width * seconds) / end;
  inner.atY = (value) => inner.y + inner.height * (1 - (value - low) / (high - low));
  return inner;
}

/** `marks`: [value, text] of the vertical axis, where they are not just numbers. */
function axes(ctx, inner, unit, marks = null) {
  ctx.font = "12px system-ui, sans-serif";
  ctx.strokeStyle = inner.line;
  ctx.fillStyle = inner.soft;
  ctx.lineWidth = 1;
  ctx.strokeRect(inner.x, inner.y, inner.width, inner.height);
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  const rows =
    marks ?? ticks(inner.low, inner.high, Math.max(2, inner.height / 24)).map((tick) => [tick, `${tick}`.replace("-", "−")]);
  rows.forEach(([value, text], index) =>
    ctx.fillText(
      index === rows.length - 1 ? `${text} ${unit}`.trim() : text,
      inner.x - 6,
      Math.max(inner.y + 6, inner.atY(value)),
    ),
  );
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  for (const tick of ticks(0, inner.end, Math.max(2, inner.width / 90)))
    ctx.fillText(
      clock(tick).replace(/\.0$/, ""),
      Math.min(inner.atX(tick), inner.x + inner.width - 14),
      inner.y + inner.height + 6,
    );
}

/** The samples' lowest and highest, and stretches of speech in the colours of what they were. */
export function wave(ctx, box, { step_s: step, low, high }, end, utterances) {
  const loudest = Math.max(0.01, ...high, ...low.map((one) => -one));
  const inner = place(box, end, -loudest, loudest);
  for (const { start_s: from, end_s: to, label } of utterances) {
    ctx.globalAlpha = 0.35;
    ctx.fillStyle = colourOf(label);
    ctx.fillRect(inner.atX(from), inner.y, inner.atX(to) - inner.atX(from), inner.height);
    ctx.globalAlpha = 1;
  }
  ctx.fillStyle = inner.ink;
  low.forEach((lowest, index) => {
    const top = inner.atY(high[index]);
    ctx.fillRect(inner.atX(index * step), top, Math.max(1, (inner.width * step) / end), Math.max(1, inner.atY(lowest) - top));
  });
  axes(ctx, inner, "");
}

/** Levels 0 to 255, lowest row first. */
export function heat(ctx, box, { rows, columns, levels }, { step_s: step, end, low, high, unit, marks }) {
  const inner = place(box, end, low, high);
  if (columns > 0) {
    const bytes = Uint8Array.from(atob(levels), (one) => one.charCodeAt(0));
    const image = new ImageData(columns, rows);
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const at = 4 * ((rows - 1 - row) * columns + column);
        image.data.set(PALETTE[bytes[row * columns + column]], at);
        image.data[at + 3] = 255;
      }
    }
    const whole = new OffscreenCanvas(columns, rows);
    whole.getContext("2d").putImageData(image, 0, 0);
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(whole, inner.x, inner.y, Math.min(inner.width, (inner.width * columns * step) / end), inner.height);
  }
  axes(ctx, inner, unit, marks);
}

/** A line; nothing where there is no value. */
export function curve(ctx, box, values, { step_s: step, first_s: first, end, low, high, unit }) {
  const inner = place(box, end, low, high);
  ctx.strokeStyle = inner.accent;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  let down = false;
  values.forEach((value, index) => {
    const [x, y] = [inner.atX(first + index * step), inner.atY(Math.min(high, Math.max(low, value ?? 0)))];
    if (value === null) down = false;
    else if (down) ctx.lineTo(x, y);
    else {
      ctx.moveTo(x, y);
      ctx.lineTo(x + 1, y);
      down = true;
    }
  });
  ctx.stroke();
  axes(ctx, inner, unit);
}

/** What a model said along the recording: a column a step, as wide as what was new in it, each mood as high as it is likely. */
export function areas(ctx, box, { labels, steps, utterances = [] }, end) {
  const inner = place(box, end, 0, 1);
  let before = 0;
  for (const [at, shares] of steps) {
    const start = utterances.filter(({ start_s: from }) => from < at).at(-1)?.start_s ?? 0;
    const [from, to] = [inner.atX(Math.max(before, start)), inner.atX(Math.min(at, end))];
    before = at;
    let sum = 0;
    shares.forEach((share, index) => {
      const [bottom, top] = [inner.atY(sum), inner.atY(Math.min(1, sum + share))];
      sum += share;
      ctx.fillStyle = colourOf(labels[index]);
      ctx.fillRect(from, top, Math.max(1, to - from), bottom - top);
    });
  }
  ctx.textBaseline = "middle";
  ctx.textAlign = "center";
  for (const { start_s: from, end_s: to, label } of utterances) {
    ctx.font = "bold 12px system-ui, sans-serif";
    const width = ctx.measureText(label).width + 8;
    if (width > inner.atX(to) - inner.atX(from)) continue;
    const middle = (inner.atX(from) + inner.atX(to)) / 2;
    ctx.fillStyle = colourOf(label);
    ctx.fillRect(middle - width / 2, inner.y + 4, width, 18);
    ctx.strokeStyle = "#000";
    ctx.strokeRect(middle - width / 2, inner.y + 4, width, 18);
    ctx.fillStyle = inkOn(colourOf(label));
    ctx.fillText(label, middle, inner.y + 13);
  }
  axes(ctx, inner, "", [
    [0, "0 %"],
    [0.5, "50 %"],
    [1, "100 %"],
  ]);
}
