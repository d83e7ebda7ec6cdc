/** The live page. */

import { keep, say, show } from "/static/dom.js";
import { Feed } from "/static/feed.js";
import { Node } from "/static/node.js";
import { duration } from "/static/words.js";

const status = document.getElementById("status");
const holder = document.getElementById("nodes");
const nobody = document.getElementById("nobody");
const nodes = new Map();

function connection(feed) {
  if (!feed.alive) return ["The page has lost its own server (affectd dashboard): it tries again.", true];
  const { broker } = feed;
  if (!broker) return ["Connecting …", false];
  if (broker.connected) return [`Broker ${broker.where}: connected.`, false];
  return [`Broker ${broker.where} ${broker.why}. For ${duration(feed.now() - broker.since_ms)} nothing new can come; it is tried again.`, true];
}

const feed = new Feed(() => {
  const [text, bad] = connection(feed);
  say(status, text);
  status.classList.toggle("trouble", bad);
  keep(holder, nodes, [...feed.nodes.keys()].sort(), (name) => new Node(name, feed));
  for (const [name, node] of nodes) node.set(feed.nodes.get(name));
  show(nobody, feed.alive && feed.nodes.size === 0);
});
