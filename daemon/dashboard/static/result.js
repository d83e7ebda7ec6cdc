/** What was found of a recording, as a page. */

import { el, facts } from "/static/dom.js";
import { Bars } from "/static/bars.js";
import { colourOf } from "/static/moods.js";
import { areas, curve, heat, wave } from "/static/plots.js";
import { clock, fixed, milliseconds, percent } from "/static/words.js";

/** The plots from top to bottom: title, what is to be seen, height, how it is drawn. */
export function plotsOf(result) {
  const { curves, models } = result;
  const { step_s, first_s, duration_s: end } = curves;
  const along = { step_s, first_s, end };
  const loudest = Math.max(-20, ...curves.energy_db);
  const highest = Math.max(300, ...curves.pitch_hz.map((hz) => hz ?? 0));
  const utterances = models.find((one) => one.utterances)?.utterances ?? [];
  const mel = curves.mel;
  return [
    [
      "Waveform",
      "Stretches of speech have the colour of what the first model says of them.",
      130,
      (ctx, box) => wave(ctx, box, curves.wave, end, utterances),
    ],
    ...models.map((one) => [
      `What ${one.model} says on the way`,
      `Each answer as soon as it is known, of ${one.of}: ${one.steps.length} answers. Labels are those of whole utterances.`,
      130,
      (ctx, box) => areas(ctx, box, one, end),
    ]),
    [
      "Mel spectrogram",
      `Which frequencies sound: bright is loud, ${mel.range_db} dB from black to white.`,
      170,
      (ctx, box) =>
        heat(ctx, box, mel, {
          ...along,
          low: 0,
          high: 1,
          unit: "",
          marks: mel.marks.map(([hz, height]) => [height, hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`]),
        }),
    ],
    [
      "MFCC",
      "Shape of the spectrum, 13 terms, each by its own mean and deviation.",
      130,
      (ctx, box) => heat(ctx, box, curves.mfcc, { ...along, low: 0, high: curves.mfcc.rows, unit: "" }),
    ],
    [
      "Pitch",
      "Height of the voice in Hz; nothing where no voice sounds.",
      120,
      (ctx, box) => curve(ctx, box, curves.pitch_hz, { ...along, low: 50, high: highest, unit: "Hz" }),
    ],
    [
      "Energy",
      "Loudness in decibels below full scale.",
      120,
      (ctx, box) => curve(ctx, box, curves.energy_db, { ...along, low: loudest - 70, high: loudest, unit: "dB" }),
    ],
  ];
}

/** The colours that plots are drawn in, of the page as it is now. */
export function inks() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return { ink: of("--ink"), soft: of("--soft"), line: of("--line"), accent: of("--accent") };
}

function canvas([title, about, height, draw]) {
  const picture = el("canvas", { class: "picture", role: "img", "aria-label": `${title}. ${about}` });
  picture.style.height = `${height}px`;
  const paint = () => {
    const width = picture.clientWidth;
    if (width === 0) return;
    picture.width = Math.round(width * devicePixelRatio);
    picture.height = Math.round(height * devicePixelRatio);
    const ctx = picture.getContext("2d");
    ctx.scale(devicePixelRatio, devicePixelRatio);
    draw(ctx, { x: 0, y: 0, width, height, ...inks() });
  };
  new ResizeObserver(paint).observe(picture);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  return el("figure", {}, el("figcaption", {}, el("strong", {}, title), ` ${about}`), picture);
}

function table(heading, rows, title) {
  const cells = (row, kind) => el("tr", {}, ...row.map((cell) => el(kind, kind === "th" ? { scope: "col" } : {}, cell)));
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
    el("table", {}, el("thead", {}, cells(heading, "th")), el("tbody", {}, ...rows.map((row) => cells(row, "td")))),
  );
}

function answer(one) {
  const panel = el("section", { class: "answer" }, el("h2", {}, one.model));
  if (one.error) {
    panel.append(el("p", { class: "trouble" }, one.error));
    return panel;
  }
  const mood = el("p", { class: "mood" }, one.label);
  mood.style.borderColor = colourOf(one.label);
  panel.classList.toggle("uncertain", one.label === "uncertain");
  const best = one.labels.reduce((most, label) => (one.probabilities[label] > one.probabilities[most] ? label : most));
  const doubt = `No mood reaches the ${percent(one.min_confidence)} that this model asks for; the likeliest is ${best}, ${percent(one.confidence)}.`;
  const bars = new Bars(`Probabilities by ${one.model}`);
  bars.set(one.labels, one.probabilities);
  panel.append(
    mood,
    el("p", { class: "sure" }, one.label === "uncertain" ? doubt : `${percent(one.confidence)} sure`),
    el(
      "p",
      {},
      `Judged in ${milliseconds(one.elapsed_ms)}: ${Math.round((1000 * one.duration_s) / one.elapsed_ms)} times faster than it lasts.`,
    ),
    bars.element,
    table(
      ["from", "to", "mood", "sure"],
      one.utterances.map((each) => [clock(each.start_s), clock(each.end_s), each.label, percent(each.confidence)]),
      `Stretches of speech, by ${one.model}`,
    ),
  );
  return panel;
}

/** `sound`: an address to hear it at. */
export function resultPage(name, result, sound) {
  const heading = el("h2", { tabindex: -1 }, name);
  const remarks = [...result.remarks, ...result.models.flatMap((one) => one.remarks ?? [])];
  const element = el(
    "div",
    {},
    heading,
    facts([
      ["Length", fixed(result.duration_s, 1, "s")],
      ["Sample rate", `${result.sample_rate_hz} Hz`],
      ["Channels", result.channels === 1 ? "1" : `${result.channels}, averaged`],
      ["Format", result.format],
    ]),
    ...[...new Set(remarks)].map((remark) => el("p", { class: "remark" }, remark)),
    el("audio", { controls: true, src: sound, "aria-label": `Hear ${name}` }),
    el("div", { class: "answers" }, ...result.models.map(answer)),
    el("section", { class: "panel" }, el("h2", {}, "Along the recording"), ...plotsOf(result).map(canvas)),
    el(
      "section",
      { class: "panel" },
      el("h2", {}, "Acoustic features"),
      el(
        "p",
        { class: "remark" },
        "Those of the fourth paper, with its frames (48 kHz, 2048 samples, every 512), as librosa and Praat measure them.",
      ),
      table(
        ["feature", "value", "unit", "what it is"],
        result.features.map(({ name: feature, value, unit, about }) => [
          feature,
          String(Number(value.toPrecision(5))).replace("-", "−"),
          unit,
          about,
        ]),
        "Acoustic features",
      ),
    ),
  );
  return { element, heading };
}
