/*
 * Measures how durable commits go up to ten million documents, and writes the figures, with where
 * they were made, to a file that report.mjs reads from then on.
 *
 *     node bench/large.mjs BUILD-FOLDER FOLDER-FOR-DATA [MOST] >bench/large.json
 *
 * Wants some 10 GB of disk.
 */
import { folder, lines, measureAndPrint } from './support.mjs';

const MOST = '10000000';

await measureAndPrint(async () => ({
  curve: Object.values(await lines('bench_curve', folder, process.argv[4] ?? MOST)),
}));
