/** A result as a file: JSON, or one picture. */

import { colourOf } from "/static/moods.js";
import { inks, plotsOf } from "/static/result.js";
import { fixed, milliseconds, percent } from "/static/words.js";

const WIDTH = 1100;
const PAD = 20;
const LINE = 24;

export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

export function asJson(name, { curves: _pictures, ...result }) {
  return new Blob([`${JSON.stringify({ recording: name, ...result }, null, 1)}\n`], { type: "application/json" });
}

export async function asPng(name, result) {
  const plots = plotsOf(result);
  const answers = result.models.map((one) =>
    one.error
      ? `${one.model}: ${one.error}`
      : `${one.model}: ${one.label}, ${percent(one.confidence)}, judged in ${milliseconds(one.elapsed_ms)}`,
  );
  const labels = [...new Set(result.models.flatMap((one) => one.labels))];
  const heights = plots.reduce((sum, [, , height]) => sum + height + LINE, 0);
  const picture = new OffscreenCanvas(2 * WIDTH, 2 * (PAD * 2 + LINE * (answers.length + 3) + heights));
  const ctx = picture.getContext("2d");
  ctx.scale(2, 2);
  ctx.fillStyle = getComputedStyle(document.body).backgroundColor;
  ctx.fillRect(0, 0, WIDTH, picture.height);
  const colours = inks();
  let y = PAD;
  const write = (text, font, x = PAD) => {
    ctx.font = `${font} system-ui, sans-serif`;
    ctx.fillStyle = colours.ink;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.fillText(text, x, y + LINE / 2);
    return ctx.measureText(text).width;
  };
  write(`${name}, ${fixed(result.duration_s, 1, "s")}`, "bold 17px");
  y += LINE;
  for (const line of answers) {
    write(line, "15px");
    y += LINE;
  }
  let x = PAD;
  for (const label of labels) {
    ctx.fillStyle = colourOf(label);
    ctx.fillRect(x, y + 5, 14, 14);
    x += 20 + write(label, "13px", x + 20) + 18;
  }
  y += 1.5 * LINE;
  for (const [title, , height, draw] of plots) {
    write(title, "bold 13px");
    y += LINE;
    draw(ctx, { x: 0, y, width: WIDTH, height, ...colours });
    y += height;
  }
  return picture.convertToBlob({ type: "image/png" });
}
