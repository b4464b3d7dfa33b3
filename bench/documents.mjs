/*
 * Measurements at 100,000 documents: reads inside a run, commits of large read sets, durable
 * mutations beside the least the disk can do, many clients, a document that all of them want, and
 * other databases doing the same work. Over HTTP the server runs as it does by default, on all
 * cores, and so do the generator and the other databases.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openRivals } from './rivals.mjs';
import { ROUNDS, folder, guest, lines, load, median, say, withCordon } from './support.mjs';

const DOCUMENTS = 100_000;
const FILL = 4000; /* documents of one mutation */
const PAGE = 2000;
const TURNS = 9;
const CALLS = 20_000; /* drawn beforehand, sent again and again */
const HOT_SHARE = 0.8;
const CROWD = 64;
const CONFLICT = 'OptimisticConcurrencyControlFailure';
const INSERT = { route: '/api/mutation', call: { path: 'documents:fill', args: { n: 1 } } };

async function call(server, route, path, args) {
  const answer = await fetch(`${server.url}${route}`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ path, args }),
  });
  const { status, value, errorMessage } = await answer.json();
  if (status !== 'success') throw new Error(`${path}: ${errorMessage}`);
  return value;
}

/* Fills the table; the ids of its documents. */
async function fill(server) {
  say(`${DOCUMENTS.toLocaleString('en-US')} documents`);
  for (let done = 0; done < DOCUMENTS; done += FILL) {
    await call(server, '/api/mutation', 'documents:fill', { n: FILL });
  }
  const source = { type: 'FullTableScan', tableName: 'documents', order: 'asc' };
  const ids = [];
  for (let cursor = null, done = false; !done;) {
    const page = await call(server, '/api/query', 'documents:page', {
      query: { source, operators: [] }, cursor, pageSize: PAGE,
    });
    ids.push(...page.page.map((document) => document._id));
    [cursor, done] = [page.continueCursor, page.isDone];
  }
  if (ids.length !== DOCUMENTS) throw new Error(`there are ${ids.length} documents`);
  return ids;
}

/* Calls of documents:touch: of one document with that probability, else of any. */
function touches(ids, hot_share) {
  const any = () => ids[Math.floor(Math.random() * ids.length)];
  const hot = any();
  const calls = Array.from({ length: CALLS }, () => (
    { path: 'documents:touch', args: { id: Math.random() < hot_share ? hot : any() } }));
  return { route: '/api/mutation', call: calls, may_fail: hot_share > 0 };
}

/* One client's inserts in turns with what the disk can do at the least. */
async function measureTurns(server) {
  const home = join(folder, 'bare');
  mkdirSync(home);
  const turns = [];
  for (let turn = 0; turn < TURNS; turn++) {
    say(`one client among ${DOCUMENTS.toLocaleString('en-US')} documents, turn ${turn + 1} of ${TURNS}`);
    const { lmdb_commit: lmdb, log_append: append } = await lines('bench_commit', '--bare', home, String(DOCUMENTS));
    const ours = await load(server, INSERT, 1, '--seconds', '0.7');
    turns.push({
      append_us: append.p50_us, lmdb_us: lmdb.p50_us, mutation_us: ours.p50_us, mutation_p99_us: ours.p99_us,
    });
  }
  return turns;
}

/* All of them in turns: { cordon: { 1: [...], 64: [...] }, ... }, or why there are no figures. */
async function measureSameWork(server, ids) {
  const rivals = await openRivals(DOCUMENTS);
  const result = { cordon: { 1: [], [CROWD]: [] } };
  for (const rival of rivals) result[rival.name] = rival.missing ? { missing: rival.missing } : { version: rival.version, 1: [], [CROWD]: [] };
  for (const clients of [1, CROWD]) {
    for (let round = 0; round < ROUNDS; round++) {
      say(`the same work, ${clients} clients, round ${round + 1} of ${ROUNDS}`);
      for (const rival of rivals.filter(({ missing }) => missing === undefined)) {
        result[rival.name][clients].push(await rival.measure(clients));
      }
      result.cordon[clients].push(await load(server, touches(ids, 0), clients));
    }
  }
  for (const rival of rivals) await rival.close?.();
  return result;
}

/* Clients that write documents of their own, in turns with clients most of whom want the same. */
async function measureContention(server, ids) {
  const [uncontended, hot] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    say(`one hot document, round ${round + 1} of ${ROUNDS}`);
    uncontended.push(await load(server, touches(ids, 0), CROWD));
    hot.push(await load(server, touches(ids, HOT_SHARE), CROWD));
  }
  return { uncontended, hot };
}

async function measureServer(server) {
  const ids = await fill(server);
  const turns = await measureTurns(server);
  const crowd = [];
  for (let round = 0; round < ROUNDS; round++) {
    say(`inserts of ${CROWD} clients, round ${round + 1} of ${ROUNDS}`);
    crowd.push(await load(server, INSERT, CROWD));
  }
  return { turns, crowd, same_work: await measureSameWork(server, ids), contention: await measureContention(server, ids) };
}

export async function measureDocuments() {
  const inside = await lines('bench_documents', guest('documents'), folder, String(DOCUMENTS));
  const read_set = await lines('bench_readset', folder);
  const { ratio, ...in_process } = await lines('bench_mutation', guest('documents'), folder, String(DOCUMENTS));
  const server = await withCordon(
    { alone: false, modules: [guest('documents')], excused: CONFLICT }, measureServer);
  const { turns, crowd, contention: { uncontended, hot } } = server;
  const rate = (of) => median(of.map((one) => one.requests_per_second));
  const metrics = {
    point_read_us: inside.point_read_lmdb.each,
    range_100_us: inside.range_100_lmdb.each,
    read_set_commit_ms: read_set.lmdb_10000.durable_us / 1000,
    mutation_append_ratio: ratio.median,
    mutation_http_append_ratio: median(turns.map((turn) => turn.mutation_us / turn.append_us)),
    mutation_lmdb_ratio: median(turns.map((turn) => turn.mutation_us / turn.lmdb_us)),
    crowd_per_s: rate(crowd),
    hot_ratio: rate(hot) / rate(uncontended),
    hot_failures: hot.reduce((sum, one) => sum + one.errors, 0),
    hot_longest_ms: Math.max(...hot.map((one) => one.longest_us)) / 1000,
  };
  return { count: DOCUMENTS, hot_share: HOT_SHARE, clients: CROWD, metrics, inside, read_set, in_process: Object.values(in_process), ...server };
}
