// The live stream's client. The browser's EventSource cannot send a header, and a token does not belong in a URL,
// so the stream is read with fetch. It resumes after the last id, backs off with jitter, and notices silence:
// the server sends something at least every 10 s.

const SILENCE_MS = 25_000;
const BACKOFF_MS = [500, 1000, 2000, 4000, 8000];

/** Splits a growing text into server-sent events (WHATWG HTML 9.2.6, the fields that the engine uses). */
export class EventParser {
  #rest = "";

  /** @returns {{id: string, event: string, data: string}[]} the events that are complete */
  push(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop();
    return blocks.map(parseBlock).filter((found) => found.data !== "");
  }
}

function parseBlock(block) {
  const found = { id: "", event: "message", data: "" };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0 && line.slice(0, colon) in found) found[line.slice(0, colon)] = line.slice(colon + 2);
  }
  return found;
}

/** Follows the stream until `stop`. Handlers: event(name, changes), live(), lost(reason), unauthorized(). */
export class Feed {
  #token; #handlers; #abort = null; #lastId = ""; #failures = 0; #stopped = false; #timer = 0;

  constructor(token, handlers) {
    this.#token = token;
    this.#handlers = handlers;
  }

  async run() {
    while (!this.#stopped) {
      const reason = await this.#once();
      if (this.#stopped) return;
      if (reason === "unauthorized") { this.#handlers.unauthorized(); return; }
      this.#handlers.lost(reason);
      const pause = BACKOFF_MS[Math.min(this.#failures++, BACKOFF_MS.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
    }
  }

  stop() {
    this.#stopped = true;
    this.#abort?.abort();
  }

  async #once() {
    this.#abort = new AbortController();
    const headers = { Authorization: `Bearer ${this.#token}` };
    if (this.#lastId) headers["Last-Event-ID"] = this.#lastId;
    try {
      this.#watch();
      const response = await fetch("/api/v1/live", { headers, signal: this.#abort.signal, cache: "no-store" });
      if (response.status === 401) return "unauthorized";
      if (!response.ok) return `the engine answers ${response.status}`;
      this.#failures = 0;
      this.#handlers.live();
      return await this.#read(response.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch (error) {
      return error.name === "AbortError" ? "nothing was heard for 25 s" : "the engine does not answer";
    } finally {
      clearTimeout(this.#timer);
    }
  }

  async #read(reader) {
    const parser = new EventParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "the engine closed the stream";
      this.#watch();
      for (const { id, event, data } of parser.push(value)) {
        this.#handlers.event(event, JSON.parse(data).changes);
        this.#lastId = id;
      }
    }
  }

  #watch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#abort.abort(), SILENCE_MS);
  }
}
