/** One seat: the mood now, how it was in the last ten minutes, its microphone, and its switch. */

import { el, fillFacts, say, show } from "/static/dom.js";
import { Bars } from "/static/bars.js";
import { Switch } from "/static/switch.js";
import { Stacked, stacked } from "/static/stacked.js";
import { colourOf } from "/static/moods.js";
import { dateOf, duration, fixed, milliseconds, percent, table, text } from "/static/words.js";

const WINDOW_MS = 10 * 60 * 1000;
const LONGEST_GAP_MS = 25000;
/** A state comes every 10 s at least: what is older is doubtful. */
const OLD_MS = 25000;
const SHORTEST_MS = 60 * 1000;
const REDRAW_MS = 1000;
const FAINTEST_DBFS = -96;
const DEVICE = {
  healthy: "hears",
  silent: "gives nothing but silence",
  stalled: "hangs",
  lost: "is gone",
  recovering: "is being opened",
  failed: "cannot be used",
};

export class Seat {
  constructor(node, name, feed) {
    this.name = name;
    this.feed = feed;
    this.drawn = 0;
    const id = `seat-${Math.random().toString(36).slice(2)}`;
    this.label = el("p", { class: "mood" });
    this.sure = el("p", { class: "sure" });
    this.now = el("p", { class: "now" });
    this.trouble = el("p", { class: "trouble", hidden: true });
    this.meter = el("meter", { min: FAINTEST_DBFS, max: 0, "aria-label": "Level of the sound" });
    this.level = el("span", { class: "number" });
    this.bars = new Bars("Probability of each mood now");
    this.chart = el("div", { class: "chart" });
    this.legend = el("p", { class: "remark" });
    this.facts = el("dl", { class: "facts" });
    this.switch = new Switch(node, name);
    this.element = el(
      "article",
      { class: "seat", "aria-labelledby": id },
      el("header", {}, el("h3", { id }, name), this.switch.element),
      this.switch.told,
      this.trouble,
      el(
        "div",
        { class: "moment" },
        el(
          "div",
          { class: "felt" },
          this.label,
          this.sure,
          this.now,
          el("p", { class: "level" }, "Level ", this.meter, " ", this.level),
        ),
        this.bars.element,
      ),
      el("h4", {}, "The last ten minutes"),
      this.chart,
      this.legend,
      this.facts,
    );
    this.plot = new Stacked(this.chart, { bands: () => this.bands(), range: () => this.range() });
  }

  /** `source`: what the feed knows of this seat; `node`: of its node. */
  set(source, node) {
    this.source = source;
    const { state, utterance } = source;
    const body = state?.body ?? {};
    const shares = table(body.probabilities);
    const listening = body.listening !== false;
    const device = table(table(table(node.health?.body.sources)[this.name]).device);
    this.switch.set(listening, this.feed.maySwitch);
    this.setMood(body, shares, listening, state);
    this.setTrouble(node, body, listening, device, state);
    this.bars.set(source.labels.length ? source.labels : Object.keys(shares), Object.keys(shares).length ? shares : null);
    this.draw();
    fillFacts(this.facts, [
      ["Last said", utterance ? this.utterance(utterance) : "nothing yet"],
      ["Microphone", this.microphone(device, listening).replace("The microphone ", "")],
      ["Device", text(device.name)],
      ["Model", text(table(body.model).name)],
    ]);
  }

  setMood(body, shares, listening, state) {
    const known = Object.entries(shares).filter(([, share]) => typeof share === "number");
    const [likeliest, most] = known.sort((one, other) => other[1] - one[1])[0] ?? ["", null];
    const label = text(body.label) || "unknown";
    const uncertain = label === "uncertain";
    say(this.label, state ? label : "not known yet");
    this.label.style.borderColor = colourOf(state ? label : "uncertain");
    this.element.classList.toggle("uncertain", uncertain);
    if (!state) say(this.sure, "Nothing has been said since this page began to look on.");
    else if (!uncertain && likeliest === label) say(this.sure, `${percent(most)} sure`);
    else if (!uncertain)
      say(this.sure, `${percent(shares[label])} sure; ${likeliest}, ${percent(most)}, takes its place if that lasts.`);
    else if (most === null) say(this.sure, "Nobody has spoken lately.");
    else say(this.sure, `No mood is likely enough to be named; the likeliest is ${likeliest}, ${percent(most)}.`);
    const old = state ? this.feed.now() - this.said(state) : 0;
    const does = !listening
      ? "Switched off"
      : body.hearing === false
        ? "Hears nothing"
        : body.speaking === true
          ? "Somebody speaks"
          : "Silent";
    say(this.now, state ? `${does} · told ${duration(old)} ago` : "");
    this.element.classList.toggle("speaking", listening && body.speaking === true && old < OLD_MS);
    const level = typeof body.level_dbfs === "number" && listening && body.hearing !== false ? body.level_dbfs : null;
    this.meter.value = Math.max(FAINTEST_DBFS, level ?? FAINTEST_DBFS);
    say(this.level, level === null ? "–" : fixed(level, 0, "dBFS"));
  }

  /** When a message was said: what the broker had kept may be old, and its date is all we have. */
  said({ at_ms: at, retained, body }) {
    const date = dateOf(body.at);
    return retained && date !== null ? Math.min(at, date) : at;
  }

  setTrouble(node, body, listening, device, state) {
    let why = "";
    const status = node.availability?.body.status;
    if (status === "offline" || status === "stopped")
      why = `The service of this node ${status === "stopped" ? "was ended" : "is gone"}: what is shown is what it said last.`;
    else if (!listening) why = "";
    else if (text(device.state) && !["healthy", "recovering"].includes(device.state)) why = this.microphone(device, true);
    else if (state && this.feed.now() - this.said(state) > OLD_MS)
      why = `Nothing has come for ${duration(this.feed.now() - this.said(state))}: what is shown is old.`;
    say(this.trouble, why);
    show(this.trouble, why !== "");
    this.element.classList.toggle("old", why !== "");
  }

  microphone(device, listening) {
    if (!listening) return "switched off: the device is closed";
    if (!text(device.state)) return "";
    const does = Object.hasOwn(DEVICE, device.state) ? DEVICE[device.state] : device.state;
    const reason = text(device.reason) && device.state !== "healthy" ? `: ${device.reason}` : "";
    return `The microphone ${does}${reason}`;
  }

  utterance(utterance) {
    const { body } = utterance;
    const lasted = fixed(table(body.speech).duration_s, 1, "s of speech");
    const late = milliseconds(table(body.latency_ms).total);
    const parts = [
      `${text(body.label) || "?"} ${percent(body.confidence)}`,
      lasted,
      `${duration(this.feed.now() - utterance.at_ms)} ago`,
    ];
    return parts.filter(Boolean).join(", ") + (late ? `; known ${late} after the last voiced sound` : "");
  }

  bands() {
    const now = this.feed.now();
    return [...(this.source?.episodes.values() ?? [])].map(({ label, start, end }) => ({
      label,
      start: start / 1000,
      end: (end ?? now) / 1000,
    }));
  }

  /** The last ten minutes; what has only begun is not drawn as a line at the edge. */
  range() {
    const now = this.feed.now();
    const first = Math.min(this.source.points[0]?.[0] ?? now, now - SHORTEST_MS);
    return [Math.max(first, now - WINDOW_MS) / 1000, now / 1000];
  }

  draw() {
    if (performance.now() - this.drawn < REDRAW_MS || document.hidden) return;
    this.drawn = performance.now();
    const { labels, points } = this.source;
    // one point is no area
    const known = points.filter(([, shares]) => shares).length > 1;
    show(this.chart, known);
    say(
      this.legend,
      known
        ? "Each colour is a mood, as high as it is likely. A bar along the bottom is an episode: a mood that lasts."
        : "Nobody has spoken in them, or since this page's server began to look on.",
    );
    if (!known) return;
    const columns = stacked(points, labels.length, LONGEST_GAP_MS);
    columns[0] = columns[0].map((ms) => ms / 1000);
    this.plot.set(labels, columns);
  }
}
