/** The switch of a seat's microphone. What it shows is what the service says, never what was asked of it. */

import { el, say } from "/static/dom.js";

/** A command is carried out within a second or two, where there is a service. */
const ANSWER_MS = 10000;

export class Switch {
  constructor(node, source) {
    this.node = node;
    this.source = source;
    this.element = el("button", { type: "button", role: "switch", class: "switch", "aria-checked": "true" }, "Listening");
    this.told = el("span", { class: "remark", role: "status" });
    this.element.addEventListener("click", () => this.turn());
  }

  set(listening, mayBeUsed) {
    this.listening = listening;
    this.element.setAttribute("aria-checked", String(listening));
    this.element.disabled = !mayBeUsed;
    if (this.wanted === listening) this.settle("");
    else if (this.wanted !== undefined && performance.now() - this.askedAt > ANSWER_MS) {
      this.settle("The service does not answer: what was asked is lost.");
    }
  }

  /** The service has refused a command. */
  refused(reason) {
    if (this.wanted !== undefined) this.settle(`refused: ${reason}`);
  }

  settle(said) {
    this.wanted = undefined;
    say(this.told, said);
  }

  async turn() {
    this.wanted = !this.listening;
    this.askedAt = performance.now();
    say(this.told, this.wanted ? "switching on …" : "switching off …");
    let why = "The page's own server cannot be reached.";
    try {
      const body = JSON.stringify({ node: this.node, source: this.source, listening: this.wanted });
      const answer = await fetch("/api/listening", { method: "POST", body, headers: { "Content-Type": "application/json" } });
      if (answer.ok) return;
      why = (await answer.json()).error;
    } catch {
      // it is told below
    }
    this.settle(why);
  }
}
