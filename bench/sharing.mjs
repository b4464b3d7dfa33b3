/*
 * What a server does for one who wants little while another takes all it can, and for those it lets
 * in while ten times too many come. Server and clients have all cores.
 */
import { createConnection } from 'node:net';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { addTenant, load, median, messages, say, withCordon } from './support.mjs';

const NOOP = { route: '/api/query', call: { path: 'noop:noop', args: {} } };
const NEIGHBOUR = 'neighbour.example.com';
const TURNS = 9;
const SPINNING = 8;
const TARGET_MS = 200; // queue_target_ms
const CALL_MS = 10;
const WARM_UP_MS = 3500; // until it is known that the queue stands
const MEASURED_MS = 5000;
const TIMES = 10;
const EACH_TICK_MS = 4;

/* A connection that is kept; one call at a time. */
class Caller {
  constructor(server, name = 'localhost') {
    const [host, port] = server.address.split(':');
    this.name = name;
    this.text = '';
    this.socket = createConnection({ host, port: Number(port), noDelay: true });
    this.socket.setEncoding('latin1').on('data', (text) => this.take(text));
    this.socket.on('error', () => {});
  }

  take(text) {
    this.text += text;
    const end = this.text.indexOf('\r\n\r\n');
    if (end < 0) return;
    const size = Number(/content-length: (\d+)/i.exec(this.text)[1]);
    if (this.text.length < end + 4 + size) return;
    this.done(Number(this.text.slice(9, 12)));
    this.text = '';
  }

  /* The status of the answer, and ms until it was there. */
  call(route, path, args) {
    const body = JSON.stringify({ path, args });
    const began = performance.now();
    this.socket.write(`POST ${route} HTTP/1.1\r\nHost: ${this.name}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    return new Promise((resolve) => {
      this.done = (status) => resolve({ status, ms: performance.now() - began });
    });
  }
}

const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

/* In turns: a no-op query of one client alone, and while another tenant computes on all cores. */
async function measureNeighbours(server) {
  const turns = [];
  await addTenant(server, 'neighbour', NEIGHBOUR, messages);
  for (let turn = 0; turn < TURNS; turn++) {
    say(`no-op queries beside another tenant, turn ${turn + 1} of ${TURNS}`);
    const idle = await load(server, NOOP, 1, '--seconds', '1');
    const spinning = Array.from({ length: SPINNING }, () => new Caller(server, NEIGHBOUR));
    server.hang_ups += SPINNING;
    for (const caller of spinning) void caller.call('/api/query', 'math:fib', { n: 90 });
    await sleep(200);
    const busy = await load(server, NOOP, 1, '--seconds', '1');
    for (const caller of spinning) caller.socket.destroy();
    await sleep(100);
    turns.push({ idle_p99_us: idle.p99_us, busy_p99_us: busy.p99_us, idle_p50_us: idle.p50_us, busy_p50_us: busy.p50_us });
  }
  return { turns, spinning: SPINNING };
}

/* The number whose Fibonacci number takes about 10 ms, and what it takes. */
async function findCall(server) {
  const caller = new Caller(server);
  for (let n = 20; ; n++) {
    const times = [];
    for (let i = 0; i < 7; i++) times.push((await caller.call('/api/query', 'math:fib', { n })).ms);
    if (median(times) >= CALL_MS || n === 40) {
      caller.socket.destroy();
      return { n, ms: median(times) };
    }
  }
}

/* Answers a second that as many clients get as there are permits, each with one call at a time. */
async function measureCapacity(server, n) {
  let answered = 0;
  const until = performance.now() + MEASURED_MS;
  await Promise.all(Array.from({ length: 2 * cpus().length }, async () => {
    const caller = new Caller(server);
    for (; performance.now() < until; answered++) await caller.call('/api/query', 'math:fib', { n });
    caller.socket.destroy();
  }));
  return answered / (MEASURED_MS / 1000);
}

/* Calls at a rate of their own, whatever becomes of them. */
async function measureFlood(server, n, rate) {
  const free = [];
  const times = [];
  let [refused, others, unpaid] = [0, 0, 0];
  const began = performance.now();
  const end = began + WARM_UP_MS + MEASURED_MS;
  const callOnce = async () => {
    const caller = free.pop() ?? new Caller(server);
    const { status, ms } = await caller.call('/api/query', 'math:fib', { n });
    free.push(caller);
    const now = performance.now();
    if (now - began < WARM_UP_MS || now > end) return;
    if (status === 200) times.push(ms);
    else if (status === 503) refused++;
    else others++;
  };
  for (let before = began; before < end;) {
    await sleep(EACH_TICK_MS);
    const now = performance.now();
    unpaid += (now - before) * rate / 1000;
    before = now;
    for (; unpaid >= 1; unpaid--) void callOnce();
  }
  await sleep(1000);
  for (const caller of free) caller.socket.destroy();
  times.sort((a, b) => a - b);
  return {
    goodput: times.length / (MEASURED_MS / 1000), refused: refused / (MEASURED_MS / 1000), others,
    p50_ms: quantile(times, 0.5), p99_ms: quantile(times, 0.99),
  };
}

async function measureOverload(server) {
  const { n, ms } = await findCall(server);
  say(`ten times too many calls of ${ms.toFixed(1)} ms`);
  const capacity = await measureCapacity(server, n);
  const flood = await measureFlood(server, n, TIMES * capacity);
  return { call_ms: ms, capacity, ...flood, target_ms: TARGET_MS };
}

export async function measureSharing() {
  const neighbours = await withCordon({ alone: false, modules: [messages], excused: 'Cancelled' }, measureNeighbours);
  const overload = await withCordon({ alone: false, modules: [messages], excused: 'Overloaded' }, measureOverload);
  return {
    neighbours,
    overload,
    metrics: {
      neighbour_ratio: median(neighbours.turns.map((turn) => turn.busy_p99_us))
        / median(neighbours.turns.map((turn) => turn.idle_p99_us)),
      overload_goodput: overload.goodput / overload.capacity,
      /* Twice the run, as permits are twice as many as processors. */
      overload_p99_ratio: overload.p99_ms / (overload.target_ms + 2 * overload.call_ms),
    },
  };
}
