/** The page on which a recording is tried. */

import { el, say, show } from "/static/dom.js";
import { asJson, asPng, save } from "/static/download.js";
import { resultPage } from "/static/result.js";

const at = (id) => document.getElementById(id);
const state = { file: null, running: null, most: null, sound: null };

async function begin() {
  const choices = await (await fetch("/api/models")).json();
  state.most = choices.most;
  state.bundled = choices.bundled;
  const option = (name) => el("option", { value: name }, name);
  at("first").append(...choices.models.map(option));
  at("second").append(el("option", { value: "" }, "no other"), ...choices.models.map(option));
  say(at("most"), `${Math.round(choices.most.bytes / 1e6)} MB`);
}

function complain(text) {
  say(at("trouble"), text);
  show(at("trouble"), text !== "");
}

function take(file) {
  complain("");
  state.file = null;
  at("go").disabled = true;
  if (!file) return;
  if (file.size === 0) complain(`${file.name}: is empty (0 bytes)`);
  else if (state.most && file.size > state.most.bytes)
    complain(
      `${file.name}: has ${Math.round(file.size / 1e6)} MB, at most ${Math.round(state.most.bytes / 1e6)} MB are taken: cut it, or use affectd analyze`,
    );
  else {
    state.file = file;
    at("go").disabled = false;
  }
}

function models() {
  const [first, second] = [at("first").value, at("second").value];
  return second && second !== first ? [first, second] : [first];
}

/** Lines of JSON, as they come. */
async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

async function judge(name, body, sound) {
  if (state.running) return;
  const query = new URLSearchParams([["name", name], ...models().map((model) => ["model", model])]);
  if (!body) query.append("bundled", "");
  const running = (state.running = new AbortController());
  working(true);
  complain("");
  try {
    const answer = await fetch(`/api/analyse?${query}`, { method: "POST", body: body ?? "", signal: running.signal });
    if (!answer.ok) throw new Error(await why(answer));
    for await (const { progress, doing, error, result } of linesOf(answer.body)) {
      if (error) throw new Error(error.startsWith(`${name}:`) ? error : `${name}: ${error}`);
      if (doing) tell(progress, doing);
      if (result) shown(name, result, sound);
    }
  } catch (trouble) {
    if (trouble.name === "AbortError") say(at("told"), "Cancelled.");
    else
      complain(
        trouble instanceof TypeError
          ? "The page's own server (affectd dashboard) cannot be reached, or has refused so much."
          : trouble.message,
      );
  } finally {
    state.running = null;
    working(false);
  }
}

async function why(answer) {
  try {
    return (await answer.json()).error;
  } catch {
    return `It was refused (${answer.status}).`;
  }
}

function working(busy) {
  show(at("work"), busy);
  at("bundled").disabled = busy;
  at("go").disabled = busy || !state.file;
  tell(0, "Sending");
  if (busy) at("cancel").focus();
}

function tell(progress, doing) {
  at("progress").value = progress;
  say(at("doing"), doing);
}

function shown(name, result, sound) {
  const { element, heading } = resultPage(name, result, sound);
  const stem = name.replace(/\.[^.]*$/, "") || "recording";
  const json = el("button", { type: "button" }, "Download as JSON");
  json.addEventListener("click", () => save(asJson(name, result), `${stem}.json`));
  const png = el("button", { type: "button" }, "Download as PNG");
  png.addEventListener("click", async () => save(await asPng(name, result), `${stem}.png`));
  heading.after(el("div", { class: "downloads" }, json, png));
  at("result").replaceChildren(element);
  if (state.sound && state.sound !== sound) URL.revokeObjectURL(state.sound);
  state.sound = sound;
  say(at("told"), `Judged: ${result.models.map((one) => `${one.model} says ${one.label ?? one.error}`).join("; ")}`);
  heading.focus();
}

// whoever is quick waits for the models that can be asked
const begun = begin().then(
  () => true,
  () => complain("The page's own server (affectd dashboard) cannot be reached: load the page again."),
);
at("file").addEventListener("change", () => take(at("file").files[0]));
at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if ((await begun) && state.file) judge(state.file.name, state.file, URL.createObjectURL(state.file));
});
at("bundled").addEventListener("click", async () => {
  if (await begun) judge(state.bundled, null, `/recordings/${state.bundled}`);
});
at("cancel").addEventListener("click", () => state.running?.abort());
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  at("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
  });
}
// a file that misses the field is not opened in place of the page
for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
at("drop").addEventListener("drop", (event) => take(event.dataTransfer.files[0]));
