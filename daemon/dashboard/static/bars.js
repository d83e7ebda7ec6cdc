/** Probabilities as a list of bars; it is the legend of the chart beside it, too. */

import { el, keep, say } from "/static/dom.js";
import { swatch, colourOf } from "/static/moods.js";
import { percent } from "/static/words.js";

function bar(label) {
  const share = el("span", { class: "share" });
  const fill = el("span", { class: "fill" });
  fill.style.backgroundColor = colourOf(label);
  const element = el(
    "li",
    {},
    swatch(label),
    el("span", { class: "name" }, label),
    el("span", { class: "track", "aria-hidden": "true" }, fill),
    share,
  );
  return { element, fill, share };
}

export class Bars {
  constructor(title) {
    this.element = el("ul", { class: "bars", "aria-label": title });
    this.rows = new Map();
  }

  /** `shares`: by label; null: nothing is known. */
  set(labels, shares) {
    keep(this.element, this.rows, labels, bar);
    for (const label of labels) {
      const row = this.rows.get(label);
      const share = shares && typeof shares[label] === "number" ? shares[label] : null;
      row.fill.style.width = `${100 * Math.min(1, Math.max(0, share ?? 0))}%`;
      say(row.share, share === null ? "–" : percent(share));
    }
  }
}
