/** Elements. Whatever text they are given is text: nothing that came over the network is ever read as HTML. */

export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === undefined || value === null) continue;
    element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(
    ...children
      .filter((child) => child !== null && child !== undefined)
      .map((child) => (child instanceof Node ? child : String(child))),
  );
  return element;
}

/** Change a text only where it is another: a screen reader is not told the same again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show an element, or hide it. */
export function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

/** Make a list of elements what it should be, keyed by name: those that stay are kept, and the focus with them. */
export function keep(parent, known, names, make) {
  for (const [name, one] of known) {
    if (!names.includes(name)) {
      one.element.remove();
      known.delete(name);
    }
  }
  for (const name of names) {
    if (!known.has(name)) known.set(name, make(name));
  }
  names.forEach((name, index) => {
    const element = known.get(name).element;
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
  });
}

/** A list of terms and what is said of them, from [term, text] pairs; pairs without text are left out. */
export function facts(pairs) {
  const list = el("dl", { class: "facts" });
  fillFacts(list, pairs);
  return list;
}

export function fillFacts(list, pairs) {
  const told = pairs.filter(([, text]) => text !== null && text !== undefined && text !== "");
  const wanted = JSON.stringify(told);
  if (list.dataset.told === wanted) return;
  list.dataset.told = wanted;
  list.replaceChildren(...told.map(([term, text]) => el("div", {}, el("dt", {}, term), el("dd", {}, text))));
}
