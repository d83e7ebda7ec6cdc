/** Numbers and times as people say them. What comes from the broker may be anything: what is no number is no text. */

/** An object as it came; of what is none, an empty one. */
export const table = (value) => (value !== null && typeof value === "object" && !Array.isArray(value) ? value : {});

/** A text as it came; of what is none, nothing. */
export const text = (value) => (typeof value === "string" ? value : "");

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

export const percent = (share) => (isNumber(share) ? `${Math.round(100 * share)} %` : "");

export function fixed(value, digits, unit) {
  return isNumber(value) ? `${value.toFixed(digits)} ${unit}`.trim().replace("-", "−") : "";
}

/** Milliseconds, as short as they can be said. */
export function milliseconds(value) {
  if (!isNumber(value)) return "";
  return value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

/** How long something lasted. */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

/** p50, p90, p99 and maximum of a summary of latencies. */
export function percentiles(summary) {
  if (!isNumber(table(summary).p50)) return "";
  return `${["p50", "p90", "p99"].map((name) => `${name} ${milliseconds(summary[name])}`).join(", ")}; longest ${milliseconds(summary.max)}`;
}

/** Minutes and seconds of a recording. */
export function clock(seconds) {
  const tenths = Math.round(seconds * 10);
  const rest = (tenths % 600) / 10;
  return `${Math.floor(tenths / 600)}:${rest.toFixed(1).padStart(4, "0")}`;
}

/** A date of a message, or nothing where it is none. */
export function dateOf(text) {
  const ms = typeof text === "string" ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? null : ms;
}
