// The API as a page speaks with it: questions, commands, and what happens next.
//
// Rules: a command keeps its id until there is an answer, so a lost answer never does a thing twice; a refusal is a
// Refused with the API's code; a subscription goes on from the last position that it saw.

const PAUSES = [300, 1000, 3000];
const AGAIN = new Set(["UNAVAILABLE", "TIMEOUT", "TOO_MUCH_CONTENTION"]);
const PING_MS = 10_000;
const LONGEST_PAUSE_MS = 8_000;

/** The API, or a media worker, said no; `code` is stable, `message` is for people. */
export class Refused extends Error {
  /** @param {string} code @param {string} message @param {number} [retryAfter] seconds */
  constructor(code, message, retryAfter) {
    super(message || code);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** Nobody answered: the line is down, or the other side is. */
export class Unreachable extends Error {}

/** @param {number} ms */
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Api {
  /** @param {string} url of GraphQL @param {() => string} token the access token as it is now */
  constructor(url, token) {
    this.url = new URL(url, location.href).href;
    this.token = token;
  }

  /**
   * The data that answers a document.
   * @param {string} document @param {object} [variables] @returns {Promise<any>}
   */
  async ask(document, variables = {}) {
    let reply;
    try {
      reply = await fetch(this.url, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${this.token()}` },
        body: JSON.stringify({ query: document, variables }),
        signal: AbortSignal.timeout(10_000),
      });
    } catch (fault) {
      throw new Unreachable(String(fault));
    }
    let answer;
    try {
      answer = await reply.json();
    } catch (fault) {
      throw new Unreachable(`${reply.status}: ${fault}`);
    }
    if (answer.errors?.length) {
      const { message, extensions } = answer.errors[0];
      throw new Refused(extensions?.code ?? "INTERNAL", message, extensions?.retryAfter);
    }
    return answer.data;
  }

  /**
   * Sends a command, and the same again while nobody answers.
   * @param {string} name of the mutation @param {object} input @param {string} [more] fields of CommandAccepted
   * @returns {Promise<any>} the CommandAccepted
   */
  async tell(name, input, more = "position version") {
    const kind = name[0].toUpperCase() + name.slice(1);
    const document = `mutation ($input: ${kind}Input!, $commandId: UUID!) {
      answer: ${name}(input: $input, commandId: $commandId) {
        __typename ... on CommandAccepted { ${more} } ... on CommandRejected { code message field }
      }
    }`;
    const variables = { input, commandId: crypto.randomUUID() };
    for (let tried = 0; ; tried += 1) {
      try {
        const { answer } = await this.ask(document, variables);
        if (answer.__typename !== "CommandRejected") return answer;
        throw new Refused(answer.code, answer.message);
      } catch (fault) {
        if (!(fault instanceof Unreachable || AGAIN.has(fault.code)) || tried >= PAUSES.length) throw fault;
        await pause(PAUSES[tried] * (0.5 + Math.random()));
      }
    }
  }

  /**
   * Follows a subscription of one field until the answer is called. `told` gets each update, `state` whether the line
   * stands; a refusal ends it and goes to `refused`.
   * @param {string} document with `$after: Position` @param {object} variables
   * @param {{told: (update: any) => void, state?: (up: boolean) => void, refused?: (fault: Refused) => void}} on
   * @returns {() => void}
   */
  follow(document, variables, on) {
    const following = new Following(this, document, variables, on);
    following.begin();
    return () => following.end();
  }
}

/** One subscription over sockets that come and go (graphql-transport-ws). */
class Following {
  constructor(api, document, variables, on) {
    Object.assign(this, { api, document, variables, on, failures: 0, ended: false, after: null });
    this.online = () => this.again(0);
  }

  begin() {
    addEventListener("online", this.online);
    this.connect();
  }

  end() {
    this.ended = true;
    removeEventListener("online", this.online);
    clearTimeout(this.timer);
    clearInterval(this.beat);
    this.socket?.close(1000);
  }

  connect() {
    const socket = (this.socket = new WebSocket(this.api.url.replace(/^http/, "ws"), "graphql-transport-ws"));
    const send = (message) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
    let heard = performance.now();
    clearInterval(this.beat);
    this.beat = setInterval(() => {
      if (performance.now() - heard > 2.5 * PING_MS) this.again(0);
      else send({ type: "ping" });
    }, PING_MS);
    socket.onopen = () => send({ type: "connection_init", payload: { Authorization: `Bearer ${this.api.token()}` } });
    socket.onmessage = ({ data }) => {
      heard = performance.now();
      this.take(JSON.parse(data), send);
    };
    socket.onclose = ({ code, reason }) => {
      if (socket !== this.socket || this.ended) return;
      if (code === 4403) this.refuse(new Refused(reason || "TOKEN_INVALID", ""));
      else this.again(Math.min(LONGEST_PAUSE_MS, 250 * 2 ** this.failures++));
    };
  }

  take(message, send) {
    if (message.type === "connection_ack") {
      const variables = { ...this.variables, after: this.after };
      send({ id: "1", type: "subscribe", payload: { query: this.document, variables } });
      this.failures = 0;
      this.on.state?.(true);
    } else if (message.type === "ping") {
      send({ type: "pong" });
    } else if (message.type === "next") {
      const fault = message.payload.errors?.[0];
      if (fault) return this.refuse(new Refused(fault.extensions?.code ?? "INTERNAL", fault.message));
      const [update] = Object.values(message.payload.data);
      this.after = update.position;
      this.on.told(update);
    } else if (message.type === "error") {
      const [fault] = message.payload;
      this.refuse(new Refused(fault.extensions?.code ?? "INTERNAL", fault.message));
    }
  }

  again(ms) {
    if (this.ended) return;
    this.on.state?.(false);
    const old = this.socket;
    this.socket = null;
    if (old) old.onclose = old.onmessage = null;
    old?.close();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), ms);
  }

  refuse(fault) {
    this.end();
    this.on.refused?.(fault);
  }
}
