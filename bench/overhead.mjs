/*
 * What all that an operator can switch costs a no-op query: two servers, one with all of it on and one
 * with all of it off, take the same load in turns on the same core.
 *
 * On: the server confines itself; every run has its line in the log; one run in a thousand is recorded and
 * replayed; the audit log is signed each second, its checkpoints kept in a file; each call comes with a
 * token of a user, which a provider's keys verify when it comes first; there is another tenant; a queue that stands for
 * long is cut short. Off: none of that. What no setting switches is in both: metrics, the limits of
 * a run, permits and slots, probes of health, and the audit log's keeper, which a query gives nothing to do.
 */
import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Signer } from '../tests/support/signer.mjs';
import { addTenant, deploy, folder, load, median, messages, removeAtEnd, say, startCordon } from './support.mjs';

const NOOP = { route: '/api/query', call: { path: 'noop:noop', args: {} } };
const TURNS = 11;
const NEVER = 2 ** 32 - 1;

const on = (jwks, signer) => ({
  audit_interval_ms: 1000,
  audit_checkpoint_file: removeAtEnd(join(folder, 'checkpoints')),
  auth_providers: [signer.provider(jwks)],
  log_lines_per_second: 1000000,
});

const off = {
  confine: false,
  replay_sample: 0,
  log_lines_per_second: 1,
  audit_interval_ms: 86400000,
  queue_target_ms: NEVER,
  queue_interval_ms: NEVER,
  tenant_share_percent: 100,
};

async function startBoth() {
  const signer = new Signer();
  const jwks = removeAtEnd(join(folder, 'keys.json'));
  signer.writeKeySet(jwks);
  const token = signer.token('ada', { algorithm: 'ES256', claims: { exp: Math.floor(Date.now() / 1000) + 7200 } });
  const servers = {
    on: await startCordon({ alone: true, settings: on(jwks, signer) }),
    off: await startCordon({ alone: true, settings: off }),
  };
  for (const server of Object.values(servers)) await deploy(server, messages);
  await addTenant(servers.on, 'neighbour', 'neighbour.example.com', messages);
  return { servers, flags: { on: ['--header', `Authorization: Bearer ${token}`], off: [] } };
}

/*
 * Who is first changes from turn to turn. The log, a gigabyte in a quarter of a minute, is cut behind each, as
 * who rotates it does: one that only grew made a call 2 µs slower after some 12 s, on ext4 and in memory
 * alike, most of it in the copy to pages that this machine had not used before.
 */
async function measureTurns({ servers, flags }, connections) {
  const turns = [];
  for (let turn = 0; turn < TURNS; turn++) {
    say(`no-op queries with all on and with all off, ${connections} connections, turn ${turn + 1} of ${TURNS}`);
    const result = {};
    for (const name of turn % 2 === 0 ? ['on', 'off'] : ['off', 'on']) {
      result[name] = await load(servers[name], NOOP, connections, '--seconds', '1', '--warmup', '0.3', ...flags[name]);
      truncateSync(servers[name].log);
    }
    const us = (one) => (connections === 1 ? one.p50_us : 1e6 / one.requests_per_second);
    turns.push({ on_us: us(result.on), off_us: us(result.off), ratio: us(result.on) / us(result.off) });
  }
  return turns;
}

export async function measureOverhead() {
  execFileSync('sync');
  const both = await startBoth();
  const overhead = { 1: await measureTurns(both, 1), 64: await measureTurns(both, 64) };
  for (const server of Object.values(both.servers)) await server.stop();
  const ratio = (turns) => median(turns.map((turn) => turn.ratio));
  return { ...overhead, metrics: { all_on_ratio_1: ratio(overhead[1]), all_on_ratio_64: ratio(overhead[64]) } };
}
