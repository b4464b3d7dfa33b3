/* Bytes over a socket: a connection that is written to as is, and answers read one by one. */
import { connect } from 'node:net';
import { after } from 'node:test';

/* A test that fails leaves its connections open; they must not keep the file from its end. */
const sockets = new Set();
after(() => sockets.forEach((socket) => socket.destroy()));

export class Wire {
  constructor(where) {
    this.bytes = Buffer.alloc(0);
    this.closed = false;
    this.waiting = [];
    this.socket = connect(where);
    sockets.add(this.socket);
    this.socket.on('data', (bytes) => {
      this.bytes = Buffer.concat([this.bytes, bytes]);
      this.wake();
    });
    this.socket.on('error', (error) => (this.error = error));
    this.socket.on('close', () => {
      sockets.delete(this.socket);
      this.closed = true;
      this.wake();
    });
  }

  /* To a server's public listener. `stays`: it is not closed because the server closes its side. */
  static to(server, { stays = false } = {}) {
    const { hostname, port } = new URL(server.url);
    return new Wire({ host: hostname, port: Number(port), allowHalfOpen: stays });
  }

  wake() {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  changed() {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  send(bytes) {
    this.socket.write(bytes);
    return this;
  }

  /*
   * Sends all of it before it looks at what comes back, as browsers do with a body. Fails if the
   * connection ends before the last byte is on its way.
   */
  async sendFirst(bytes) {
    this.socket.pause();
    await new Promise((resolve, reject) => {
      this.socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
    this.socket.resume();
    return this;
  }

  /* The next answer, whole; to a HEAD none has a body. Fails if the connection ends before it. */
  async answer({ toHead = false } = {}) {
    for (;;) {
      const end = this.bytes.indexOf('\r\n\r\n');
      if (end >= 0) {
        const [first, ...lines] = this.bytes.subarray(0, end).toString().split('\r\n');
        const headers = Object.fromEntries(lines.map((line) => {
          const at = line.indexOf(':');
          return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
        }));
        const size = toHead ? 0 : Number(headers['content-length'] ?? 0);
        if (this.bytes.length >= end + 4 + size) {
          const text = this.bytes.subarray(end + 4, end + 4 + size).toString();
          this.bytes = this.bytes.subarray(end + 4 + size);
          return { status: Number(first.split(' ')[1]), headers, text };
        }
      }
      if (this.closed) throw new Error(`closed before an answer (${this.error?.code ?? 'no error'}): ${this.bytes}`);
      await this.changed();
    }
  }

  /* Waits until the server has closed it; nothing may come before that. */
  async end() {
    while (!this.closed) await this.changed();
    if (this.bytes.length > 0) throw new Error(`more than was asked for: ${this.bytes}`);
  }

  close() {
    this.socket.destroy();
  }
}

/* A request; a body brings its length along. */
export function request(method, target, { body, headers = {} } = {}) {
  const all = { Host: 'localhost', ...headers };
  if (body !== undefined) all['Content-Length'] = Buffer.byteLength(body);
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
  return Buffer.concat([head, Buffer.from(body ?? '')]);
}

export const call = (kind, path, args, headers) =>
  request('POST', `/api/${kind}`, { body: JSON.stringify({ path, args }), headers });

/* All of them, by the operator's socket. */
export async function metricsText(server) {
  const wire = new Wire({ path: `${server.data}/operator.sock` });
  const { text } = await wire.send(request('GET', '/metrics')).answer();
  wire.close();
  return text;
}

/* The values of a metric of a server, one for each of its labels. */
async function metricValues(server, name) {
  const text = await metricsText(server);
  const lines = text.split('\n').filter((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`));
  if (lines.length === 0) throw new Error(`no metric ${name}`);
  return lines.map((line) => Number(line.split(' ').at(-1)));
}

/* One gauge or counter; of several, the first. */
export const metric = async (server, name) => (await metricValues(server, name))[0];

/* A counter, whatever its labels. */
export const metricSum = async (server, name) => (await metricValues(server, name)).reduce((all, one) => all + one, 0);

/* Waits until it has that value. */
export async function metricBecomes(server, name, wanted) {
  const until = Date.now() + 20000;
  for (;;) {
    const found = await metric(server, name);
    if (found === wanted) return;
    if (Date.now() > until) throw new Error(`${name} is ${found}, not ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
