/*
 * The load of the soak: calls of every kind, first as many as there is time for, which is the
 * capacity, then at a rate of their own, whatever becomes of them. A machine that others use too has more
 * to give at one time than at another, so the capacity is measured again now and then. Every answer is
 * looked at: one that is neither right nor a refusal that says so is kept as strange.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Wire, call } from './wire.mjs';

const TICK_MS = 5;
const CLIENTS = 8; // of the calibration
const CALIBRATED_S = 3;
const OFFERED_S = 60;
const COUNTERS = 16;
const SLOTS = 1000; // by default
const WAITING_MAX = 3000; // connections: of more than 4,096 the server lets some go without an answer
const IDLE_MAX_MS = 20000; // the server lets go of who says nothing for a minute
const STRANGE_MAX = 20;

/* A refusal that says that nothing was run; each may come at any time. */
const REFUSALS = new Set(['Overloaded', 'ExpiredInQueue', 'WorkerOverloaded', 'ExecuteFullError']);

/* What is called, how often of a hundred calls, and what is right. */
const CALLS = [
  { share: 40, kind: 'query', path: 'spin:rounds', args: () => ({ n: 400000 }), right: () => true },
  { share: 20, kind: 'query', path: 'basic:echo', args: (n) => ({ n }), right: (value, args) => value.n === args.n },
  { share: 10, kind: 'query', path: 'documents:read', args: () => ({ n: 20 }), right: (value) => value !== null },
  { share: 20, kind: 'mutation', path: 'counters:add', args: (n) => ({ name: `c${n % COUNTERS}`, by: 1 }), right: (value) => value > 0 },
  { share: 3, kind: 'mutation', path: 'documents:insert_large', args: () => ({ n: 10000 }), right: (value) => value._id.length === 32 },
  { share: 7, kind: 'action', path: 'effects:sleep', args: () => ({ ms: 20 }), right: (value) => typeof value === 'number' },
];

/* One request on a connection of its own. */
export async function ask(server, bytes) {
  const wire = Wire.to(server).send(bytes);
  try {
    const { status, text } = await wire.answer();
    return { status, text, body: text.startsWith('{') ? JSON.parse(text) : undefined };
  } catch (error) {
    throw new Error(`${error.message} (${wire.error?.message})`, { cause: error });
  } finally {
    wire.close();
  }
}

export class Load {
  constructor(server, random) {
    Object.assign(this, { server, random, free: [], strange: [], refused: {}, underWay: 0, unsent: 0, number: 0, right: 0 });
    this.diskIsFull = false;
    /* Of each counter, what was acknowledged, and what more was asked by clients who left. */
    this.acknowledged = new Map();
    this.unsure = new Map();
  }

  choose() {
    let left = this.random() * 100;
    return CALLS.find(({ share }) => (left -= share) < 0) ?? CALLS[0];
  }

  /* A call of a counter that nobody waits for to its end: it may be counted, or not. */
  unsureCall() {
    const name = `c${Math.floor(this.random() * COUNTERS)}`;
    this.unsure.set(name, (this.unsure.get(name) ?? 0) + 1);
    return call('mutation', 'counters:add', { name, by: 1 });
  }

  /* A connection that nobody uses just now. */
  take() {
    const idle = Date.now() - IDLE_MAX_MS;
    while (this.free.length > 0) {
      const { wire, since } = this.free.pop();
      if (!wire.closed && since > idle) return wire;
      wire.close();
    }
    return Wire.to(this.server);
  }

  /* One of the documents that are read. */
  async insert() {
    const { status, text } = await ask(this.server, call('mutation', 'documents:insert_large', { n: 100 }));
    assert.equal(status, 200, text);
  }

  /* More calls at one time than there are slots, so that what is kept warm of each is there. */
  async crowd() {
    const sleeping = call('action', 'effects:sleep', { ms: 1000 });
    const answers = await Promise.all(Array.from({ length: SLOTS + 200 }, () => ask(this.server, sleeping)));
    assert.ok(answers.some(({ body }) => REFUSALS.has(body.code)));
  }

  /* All that was acknowledged is there, and nothing that nobody asked for. */
  async checkCounters() {
    for (const [name, acknowledged] of this.acknowledged) {
      const { body } = await ask(this.server, call('mutation', 'counters:add', { name, by: 0 }));
      const most = acknowledged + (this.unsure.get(name) ?? 0);
      assert.ok(body.value >= acknowledged && body.value <= most, `${name} is ${body.value}, not ${acknowledged} to ${most}`);
    }
  }

  judge(what, args, disk, { status, text }) {
    let body;
    try {
      body = JSON.parse(text);
    } catch {
      body = {};
    }
    if (status === 200 && body.status === 'success' && what.right(body.value, args)) {
      this.right++;
      if (what.path === 'counters:add') this.acknowledged.set(args.name, (this.acknowledged.get(args.name) ?? 0) + 1);
    } else if (status === 503 && (REFUSALS.has(body.code) || (body.code === 'DiskFull' && (disk || this.diskIsFull)))) {
      this.refused[body.code] = (this.refused[body.code] ?? 0) + 1;
    } else {
      this.note(`${what.path}: ${status} ${text.slice(0, 400)}`);
    }
  }

  note(words) {
    if (this.strange.length < STRANGE_MAX) this.strange.push(words);
  }

  async one() {
    const what = this.choose();
    const args = what.args(this.number++);
    const wire = this.take();
    const disk = this.diskIsFull;
    this.underWay++;
    try {
      this.judge(what, args, disk, await wire.send(call(what.kind, what.path, args)).answer());
      this.free.push({ wire, since: Date.now() });
    } catch (error) {
      this.note(`${what.path}: ${error.message}`);
    }
    this.underWay--;
  }

  /* Answers a second, with a client for each of some more calls than run at one time. */
  async calibrate(seconds) {
    const before = this.right;
    const end = Date.now() + seconds * 1000;
    await Promise.all(Array.from({ length: CLIENTS }, async () => {
      while (Date.now() < end) await this.one();
    }));
    return (this.right - before) / seconds;
  }

  /* So many calls a second, for so long or until stop(). */
  async offer(rate, seconds) {
    let unpaid = 0;
    const end = performance.now() + seconds * 1000;
    for (let before = performance.now(); !this.ends && before < end;) {
      await sleep(TICK_MS);
      const now = performance.now();
      unpaid += (now - before) * rate / 1000;
      before = now;
      for (; unpaid >= 1; unpaid--) {
        if (this.underWay < WAITING_MAX) void this.one();
        else this.unsent++;
      }
    }
  }

  /* From now on that share of the capacity, which is measured anew every minute, until stop(). */
  start(share) {
    this.ends = false;
    this.offering = (async () => {
      while (!this.ends) {
        this.capacity = await this.calibrate(CALIBRATED_S);
        await this.offer(share * this.capacity, OFFERED_S);
      }
    })();
  }

  /* The last call is answered, and the connections are closed. */
  async stop() {
    this.ends = true;
    await this.offering;
    while (this.underWay > 0) await sleep(20);
    for (const { wire } of this.free.splice(0)) wire.close();
  }
}
