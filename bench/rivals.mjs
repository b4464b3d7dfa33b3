/*
 * Other databases doing what documents:touch does, on the same disk: one transaction reads a document
 * by its id, writes it, writes an audit row, and is serializable, and durable before it is answered.
 * Each as its makers would have it: SQLite inside its program, PostgreSQL as a server that has the
 * transaction as a function of its own, so that a client asks once. What cannot be measured here is
 * not there, and says why.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECONDS, folder, lines, program, removeAtEnd, run, say, start } from './support.mjs';

const AUDIT_BYTES = 300;
const BODY_BYTES = 100;
const READY_TRIES = 100;
const DEBIAN = '/usr/lib/postgresql';

/* -- SQLite --------------------------------------------------------------------------------- */

function openSqlite(documents) {
  if (!existsSync(program('bench_sqlite'))) {
    return { missing: 'its library was not there when this was built' };
  }
  const file = join(folder, 'sqlite.db');
  const version = execFileSync(program('bench_sqlite'), ['--version'], { encoding: 'utf8' }).trim();
  return {
    version,
    measure: async (clients) => (await lines('bench_sqlite', file, String(documents), String(clients), String(SECONDS))).sqlite,
  };
}

/* -- PostgreSQL ----------------------------------------------------------------------------- */

/* The folder of its programs: Debian has one for each version, and none of them in PATH. */
function findPostgres() {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).map(Number).filter(Number.isInteger) : [];
  const folders = versions.sort((a, b) => b - a).map((version) => join(DEBIAN, String(version), 'bin'));
  return [...folders, ...process.env.PATH.split(':')].find((one) =>
    ['initdb', 'postgres', 'psql', 'pgbench'].every((name) => existsSync(join(one, name))));
}

/* It refuses to run as root: then it runs as the user that its package made. */
function findUser() {
  if (process.getuid() !== 0) return {};
  try {
    const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}

/* A folder of that user's. */
function makeFolder(path, { uid, gid }) {
  mkdirSync(path, { mode: 0o700 });
  if (uid !== undefined) chownSync(path, uid, gid);
  return path;
}

function canUse(path, user) {
  try {
    execFileSync('test', ['-w', path], { ...user, cwd: '/' });
    return true;
  } catch {
    return false;
  }
}

const schema = (documents) => `
  CREATE TABLE documents (id uuid PRIMARY KEY, created double precision NOT NULL, body text NOT NULL);
  CREATE TABLE audit (sequence bigserial PRIMARY KEY, body text NOT NULL);
  INSERT INTO documents SELECT md5(i::text)::uuid, i, repeat('0', ${BODY_BYTES}) FROM generate_series(1, ${documents}) AS i;
  CREATE INDEX by_creation ON documents (created);
  CREATE FUNCTION touch(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      found_body text;
    BEGIN
      SELECT body INTO STRICT found_body FROM documents WHERE id = wanted;
      UPDATE documents SET body = repeat('9', ${BODY_BYTES}) WHERE id = wanted;
      INSERT INTO audit (body) VALUES (repeat('0', ${AUDIT_BYTES}));
    END $$;
  VACUUM ANALYZE documents;
  CHECKPOINT;
`;

const calls = (documents) => `\\set n random(1, ${documents})
SELECT touch(md5(:n::text)::uuid);
`;

/* Latencies of its log, one transaction a line; the third column is microseconds. */
function readLatencies(logs) {
  const all = readdirSync(logs).flatMap((name) =>
    readFileSync(join(logs, name), 'utf8').trim().split('\n').map((line) => Number(line.split(' ')[2])));
  if (all.length === 0 || !all.every(Number.isFinite)) throw new Error('pgbench wrote no latencies');
  return all.sort((a, b) => a - b);
}

/* `bin` and `user` as found; a cluster of its own in `home`, its socket in `socket`. */
async function startPostgres({ bin, user, home, socket }, documents) {
  const options = { ...user, cwd: home, env: { PATH: process.env.PATH, LC_ALL: 'C' } };
  const data = join(home, 'data');
  const connect = ['-h', socket, '-U', 'bench'];
  await run(join(bin, 'initdb'), ['-D', data, '-U', 'bench', '-A', 'trust', '--no-sync', '-E', 'UTF8'], options);
  /* One line, which start() waits for, before the server takes the shell's place. */
  const server = await start('sh', [
    '-c', 'echo starting; exec "$@"', 'sh', join(bin, 'postgres'), '-D', data,
    '-c', 'listen_addresses=', '-c', `unix_socket_directories=${socket}`, '-c', 'default_transaction_isolation=serializable',
    '-c', 'fsync=on', '-c', 'synchronous_commit=on', '-c', 'log_min_messages=fatal',
  ], options);
  for (let tries = 1; ; tries++) {
    try {
      execFileSync(join(bin, 'pg_isready'), [...connect, '-d', 'postgres'], { ...options, stdio: 'ignore' });
      break;
    } catch (error) {
      if (tries === READY_TRIES) throw error;
      await sleep(100);
    }
  }
  execFileSync(join(bin, 'psql'), [
    ...connect, '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', '-', 'postgres',
  ], { ...options, input: schema(documents) });
  return { server, options, connect };
}

async function openPostgres(documents) {
  const bin = findPostgres();
  if (bin === undefined) return { missing: 'it is not installed' };
  const user = findUser();
  if (user === undefined) return { missing: 'it refuses to run as root, and there is no user "postgres"' };
  chmodSync(folder, 0o711);
  const home = makeFolder(join(folder, 'postgres'), user);
  if (!canUse(home, user)) {
    return { missing: `it refuses to run as root, and the user "postgres" cannot reach the folder for data (\`TMPDIR=\` names another)` };
  }
  /* Not below the data: the path of a socket has 107 characters at most. */
  const socket = removeAtEnd(mkdtempSync('/tmp/cordon-bench-'));
  if (user.uid !== undefined) chownSync(socket, user.uid, user.gid);
  say('postgres');
  const { server, options, connect } = await startPostgres({ bin, user, home, socket }, documents);
  const script = join(home, 'calls.sql');
  writeFileSync(script, calls(documents));
  chmodSync(script, 0o644);
  let turn = 0;
  return {
    version: execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' }).match(/\d+(\.\d+)*/)[0],
    measure: async (clients) => {
      const logs = makeFolder(join(home, `log-${turn++}`), user);
      say('pgbench');
      const { stdout } = await run(join(bin, 'pgbench'), [
        ...connect, '-n', '-M', 'prepared', '-c', String(clients), '-j', '1', '-T', String(SECONDS),
        '--max-tries', '0', '-f', script, '-l', '--log-prefix', join(logs, 'log'), 'postgres',
      ], options);
      const failed = stdout.match(/failed transactions: (\d+)/)?.[1];
      if (failed !== undefined && failed !== '0') throw new Error(`pgbench: ${failed} transactions failed`);
      const us = readLatencies(logs);
      const at = (share) => us[Math.min(us.length - 1, Math.floor(us.length * share))];
      return {
        clients,
        requests_per_second: Number(stdout.match(/^tps = ([\d.]+)/m)[1]),
        p50_us: at(0.5),
        p99_us: at(0.99),
      };
    },
    close: server.stop,
  };
}

/* -- Both ----------------------------------------------------------------------------------- */

/* Filled with so many documents: { name, version, measure(clients), close() } or { name, missing }. */
export async function openRivals(documents) {
  return [
    { name: 'sqlite', ...openSqlite(documents) },
    { name: 'postgres', ...await openPostgres(documents) },
  ];
}
