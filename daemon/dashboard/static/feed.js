/** What the server tells: all that is known, and then what changes. Reconnects by itself. */

const KEPT_MS = 10 * 60 * 1000;
const SILENT_MS = 15000;

export class Feed {
  /** `changed` is called after each message, and once a second, as things grow old. */
  constructor(changed) {
    this.nodes = new Map();
    this.broker = null;
    this.maySwitch = false;
    this.offset = 0;
    this.heard = null;
    this.changed = changed;
    this.open();
    setInterval(() => this.beat(), 1000);
  }

  /** Milliseconds since 1970, on the server's clock. */
  now() {
    return Date.now() + this.offset;
  }

  get alive() {
    return this.heard !== null && performance.now() - this.heard < SILENT_MS;
  }

  open() {
    this.source?.close();
    this.opened = performance.now();
    this.source = new EventSource("/api/live");
    this.source.onmessage = (event) => this.take(JSON.parse(event.data));
    this.source.onerror = () => {
      this.heard = null;
      this.changed();
    };
  }

  beat() {
    const since = performance.now() - Math.max(this.heard ?? 0, this.opened);
    // a browser gives up on an answer that is none; and a line may be dead without being closed
    if (since > SILENT_MS || (this.source.readyState === EventSource.CLOSED && since > 3000)) this.open();
    this.changed();
  }

  take(news) {
    this.heard = performance.now();
    this.offset = news.now_ms - Date.now();
    this.maySwitch = news.may_switch;
    if (news.whole) this.nodes = new Map();
    if (news.broker) this.broker = news.broker;
    for (const [name, told] of Object.entries(news.nodes ?? {})) this.takeNode(name, told);
    this.changed();
  }

  takeNode(name, { sources = {}, ...told }) {
    const node = this.nodes.get(name) ?? { sources: new Map() };
    this.nodes.set(name, Object.assign(node, told));
    for (const [seat, news] of Object.entries(sources)) {
      const { points = [], episodes = [], ...rest } = news;
      const source = node.sources.get(seat) ?? { labels: [], points: [], episodes: new Map() };
      node.sources.set(seat, Object.assign(source, rest));
      for (const point of points) {
        if (source.points.length && source.points.at(-1)[0] >= point[0]) source.points.pop();
        source.points.push(point);
      }
      for (const [id, label, start, end] of episodes) source.episodes.set(id, { label, start, end });
      this.forget(source);
    }
  }

  forget(source) {
    const oldest = this.now() - KEPT_MS;
    const first = source.points.findIndex(([at]) => at >= oldest);
    source.points.splice(0, first < 0 ? source.points.length : first);
    for (const [id, { end }] of source.episodes) if (end !== null && end < oldest) source.episodes.delete(id);
  }
}
