/*
 * Measures how durable commits go up to ten million documents, and writes the figures, with where
 * they were made, to a file that report.mjs reads from then on.
 *
 *     node bench/large.mjs BUILD-FOLDER FOLDER-FOR-DATA [MOST] >bench/large.json
 *
 * Each size is measured by a program of its own, in a folder that is removed after it; the greatest
 * wants some 10 GB of disk. What is measured is kept in BUILD-FOLDER/large.jsonl, so that a run that
 * was interrupted goes on with the size that it was at, if it is of the same commit.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build, folder, measureAndPrint, program, running, say } from './support.mjs';

const LEAST = 1000;
const most = Number(process.argv[4] ?? 10_000_000);
if (!(most >= LEAST)) throw new Error(`${process.argv[4]} is no number of documents from ${LEAST} on`);
const kept = join(build, 'large.jsonl');

function readKept(commit) {
  const lines = existsSync(kept) ? readFileSync(kept, 'utf8').split('\n').filter((line) => line !== '') : [];
  const rows = lines.map((line) => JSON.parse(line));
  return new Map(rows.filter((row) => row.commit === commit).map((row) => [row.documents, row]));
}

/* How far it is goes to stderr as it comes. */
function measureAt(documents) {
  const home = join(folder, String(documents));
  mkdirSync(home);
  return new Promise((done, failed) => {
    const child = spawn(program('bench_curve'), [home, documents, documents].map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
    const one = { child, stop: () => child.kill() };
    running.add(one);
    let text = '';
    child.stdout.on('data', (piece) => { text += piece; });
    child.once('error', failed);
    child.once('close', (code) => {
      running.delete(one);
      rmSync(home, { recursive: true, force: true });
      if (code === 0) done(JSON.parse(text));
      else failed(new Error(`bench_curve ended with ${code}`));
    });
  });
}

await measureAndPrint(async ({ commit }) => {
  const there = readKept(commit);
  const curve = [];
  for (let documents = LEAST; documents <= most; documents *= 10) {
    const began = Date.now();
    const row = there.get(documents) ?? await measureAt(documents);
    if (!there.has(documents)) appendFileSync(kept, `${JSON.stringify({ ...row, commit })}\n`);
    curve.push(row);
    say(`${documents.toLocaleString('en-US')} documents: ${row.ratio.toFixed(2)} of bare LMDB${there.has(documents) ? ', measured before' : `, ${Math.round((Date.now() - began) / 1000)} s`}`);
  }
  return { curve };
});
if (process.exitCode === undefined) rmSync(kept, { force: true });
