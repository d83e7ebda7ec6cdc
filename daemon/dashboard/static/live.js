/** The live page. */

import { keep, say, show } from "/static/dom.js";
import { Feed } from "/static/feed.js";
import { Node } from "/static/node.js";
import { duration } from "/static/words.js";

const line = document.getElementById("connection");
const status = document.getElementById("status");
// what changes each second is beside the live region: nobody wants to hear it each time
const since = document.getElementById("since");
const holder = document.getElementById("nodes");
const nobody = document.getElementById("nobody");
const nodes = new Map();

function connection(feed) {
  if (!feed.alive) return ["The page has lost its own server (affectd dashboard): it tries again.", ""];
  const { broker } = feed;
  if (!broker) return ["Connecting …", null];
  if (broker.connected) return [`Broker ${broker.where}: connected.`, null];
  return [
    `Broker ${broker.where} ${broker.why}: nothing new can come, it is tried again.`,
    `For ${duration(feed.now() - broker.since_ms)} now.`,
  ];
}

const feed = new Feed(() => {
  const [text, lasted] = connection(feed);
  say(status, text);
  say(since, lasted ?? "");
  line.classList.toggle("trouble", lasted !== null);
  keep(holder, nodes, [...feed.nodes.keys()].sort(), (name) => new Node(name, feed));
  for (const [name, node] of nodes) node.set(feed.nodes.get(name));
  show(nobody, feed.alive && feed.nodes.size === 0);
});
