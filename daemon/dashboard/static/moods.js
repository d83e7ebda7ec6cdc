/** The colours of moods: told apart by the colour-blind too, and never the only sign. After Okabe and Ito (2008). */

export const COLOURS = {
  anger: "#d55e00",
  boredom: "#7b5a2b",
  calm: "#a6dcf5",
  disgust: "#009e73",
  fear: "#cc79a7",
  happiness: "#f0e442",
  neutral: "#666666",
  sadness: "#0072b2",
  surprise: "#e69f00",
  uncertain: "#d8d8d8",
};
const OTHERS = ["#5b3a8c", "#44aa99", "#882255"];

/** A label that we do not know has a colour of its own, the same each time. */
export function colourOf(label) {
  if (Object.hasOwn(COLOURS, label)) return COLOURS[label];
  let sum = 0;
  for (const one of label) sum += one.codePointAt(0);
  return OTHERS[sum % OTHERS.length];
}

export function swatch(label) {
  const element = document.createElement("span");
  element.className = "swatch";
  element.setAttribute("aria-hidden", "true");
  element.style.backgroundColor = colourOf(label);
  return element;
}

/** Black or white, whichever is read better. */
export function inkOn(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 120 ? "#000" : "#fff";
}
