/** One node: whether its service runs, its seats, and how it is. */

import { el, fillFacts, keep, say } from "/static/dom.js";
import { Seat } from "/static/seat.js";
import { dateOf, duration, fixed, percentiles, table, text } from "/static/words.js";

const STATUS = { online: "runs", offline: "is gone: it was cut off, or has crashed", stopped: "was ended" };

export class Node {
  constructor(name, feed) {
    this.name = name;
    this.feed = feed;
    this.seats = new Map();
    const id = `node-${Math.random().toString(36).slice(2)}`;
    this.status = el("span", { class: "badge" });
    this.drawn = el("span", { class: "badge" });
    this.holder = el("div", { class: "seats" });
    this.facts = el("dl", { class: "facts" });
    this.element = el(
      "section",
      { class: "node", "aria-labelledby": id },
      el("header", {}, el("h2", { id }, name), this.status, this.drawn),
      this.holder,
      el("details", {}, el("summary", {}, "How the service and the machine are"), this.facts),
    );
  }

  set(node) {
    const status = text(node.availability?.body.status);
    say(
      this.status,
      status
        ? `The service ${Object.hasOwn(STATUS, status) ? STATUS[status] : status}`
        : "The service has not said whether it runs",
    );
    this.status.dataset.status = status;
    say(this.drawn, this.power(node.power));
    const names = [...node.sources.keys()].sort();
    keep(this.holder, this.seats, names, (name) => new Seat(this.name, name, this.feed));
    for (const [name, seat] of this.seats) seat.set(node.sources.get(name), node);
    fillFacts(this.facts, [...this.service(node.health), ...this.machine(node.power)]);
    this.tellRefused(table(node.health?.body.refused_command));
  }

  /** Watts and the hottest place, where they are measured. */
  power(power) {
    const watts = fixed(table(power?.body.power).total_w, 1, "W");
    const degrees = Object.values(table(power?.body.temperatures_c)).filter((celsius) => typeof celsius === "number");
    return [watts, degrees.length ? `${fixed(Math.max(...degrees), 0, "°C")} at the hottest` : ""].filter(Boolean).join(", ");
  }

  service(health) {
    if (!health) return [["Health", "not told yet: it comes every 10 s"]];
    const [latency, outbox, delivery, counters] = ["latency_ms", "outbox", "delivery", "counters"].map((name) =>
      table(health.body[name]),
    );
    const waits = typeof outbox.waiting === "number" ? `${outbox.waiting} waiting` : "";
    const storage = outbox.storage === "memory" ? `; in memory alone: ${text(outbox.trouble) || "there is no disk"}` : "";
    return [
      ["Health told", `${duration(this.feed.now() - health.at_ms)} ago`],
      ["Utterance, from its end to the outbox", percentiles(latency.utterance)],
      ["Model, one run", percentiles(latency.inference)],
      ["Messages", waits + storage],
      [
        "Broker, as the service sees it",
        delivery.connected === false ? "not connected" : text(delivery.protocol) ? `connected, MQTT ${delivery.protocol}` : "",
      ],
      ["Windows judged", typeof counters.windows === "number" ? counters.windows : ""],
    ];
  }

  machine(power) {
    if (!power) return [["Watts and temperatures", "not measured: `affectd power-log` does not run on this node"]];
    const { body } = power;
    const drawn = table(body.power);
    const rails = Object.entries(table(drawn.rails_w)).map(([name, watts]) => `${name} ${fixed(watts, 2, "W")}`);
    const degrees = Object.entries(table(body.temperatures_c)).map(([name, celsius]) => `${name} ${fixed(celsius, 0, "°C")}`);
    const total = fixed(drawn.total_w, 2, "W");
    return [
      ["Power", total ? total + (text(drawn.total_of) ? ` (${drawn.total_of})` : "") : text(body.trouble) || "not measured"],
      ["Power by rail", rails.join(", ")],
      ["Temperatures", degrees.join(", ")],
      ["Power mode", text(body.mode)],
      ["Held back by", Array.isArray(body.throttling) ? body.throttling.map(text).join(", ") : ""],
      ["Energy for an utterance", fixed(table(body.energy).joules_an_utterance, 2, "J")],
      ["Power told", `${duration(this.feed.now() - power.at_ms)} ago`],
    ];
  }

  tellRefused(command) {
    if (!text(command.at) || command.at === this.refusedAt) return;
    const isNews = this.refusedAt !== undefined || this.feed.now() - (dateOf(command.at) ?? 0) < 5000;
    this.refusedAt = command.at;
    if (isNews) this.seats.get(command.source)?.switch.refused(text(command.reason));
  }
}
