// Reads users from another thread while the test writes them, and looks for anything that was never there.
//
// Each user's tags `a`, `b` (enums), `c` (a number) and `f` (an enum or a number) are always written together, as the
// test's `rowOf` makes them of a version: any mixture of two versions, and any missing part, is half a change.

import { parentPort, workerData } from 'node:worker_threads';

/**
 * @typedef {object} Job
 * @property {string} lookupModule URL of the built src/index.js
 * @property {import('../../src/index.js').LookupHandle} handle
 * @property {Int32Array} shared see SHARED
 * @property {string[]} group users who are written again and again; every second one is there all the time
 * @property {string} newcomer what the names of other users begin with, before their number
 * @property {number} values how many values the enums have in turn
 */

/**
 * Where in the shared words lie: the latest version that may be seen, newcomers, the order to stop, the reads so far, and a
 * count that is odd while everything is cleared and made again.
 */
const SHARED = { VERSION: 0, NEWCOMERS: 1, STOP: 2, READS: 3, CLEARING: 4 };
const NAMES = ['a', 'b', 'c', 'f', 'no such tag'];

/** @type {Job} */
const { lookupModule, handle, shared, group, newcomer, values } = workerData;
/** @type {typeof import('../../src/index.js')} */
const { attachLookup } = await import(lookupModule);
const reader = attachLookup(handle);
const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);

/** The last version seen of each user of the group. */
const seen = new Int32Array(group.length);
let reads = 0;
let changes = 0;
let absent = 0;
let newcomers = 0;

/**
 * What is wrong with a row, or undefined.
 *
 * @param {unknown[]} row the values of `a`, `b`, `c` and `f`
 * @param {number} user number of the user in the group, or -1
 * @param {boolean} mayBeAbsent
 * @returns {string | undefined}
 */
function problemOf(row, user, mayBeAbsent) {
  if (row.every((value) => value === null)) {
    absent++;
    return mayBeAbsent ? undefined : 'missing';
  }
  const [a, b, c, f] = row;
  if (typeof c !== 'number') return 'the version is missing';
  if (a !== `v${c % values}` || b !== a || String(f) !== String(c % values)) return 'half a change';
  if (c > Atomics.load(shared, SHARED.VERSION)) return 'a version that was not written yet';
  if (user < 0) return undefined;
  if (c % group.length !== user) return 'a version that was written to somebody else';
  const before = seen[user] ?? 0;
  if (c < before) return `older than version ${before}, which was seen before`;
  if (c > before) changes++;
  seen[user] = c;
  return undefined;
}

/**
 * Reads one user in one of two ways. Returns what is wrong, or undefined.
 *
 * @param {string} id
 * @param {number} user
 * @param {boolean} all
 */
function read(id, user, all) {
  const clearing = Atomics.load(shared, SHARED.CLEARING);
  const tags = all ? (reader.getAll(id) ?? new Map()) : undefined;
  const row = tags === undefined ? reader.get(id, NAMES) : NAMES.map((name) => tags.get(name) ?? null);
  const cleared = clearing % 2 !== 0 || Atomics.load(shared, SHARED.CLEARING) !== clearing;
  const mayBeAbsent = cleared || user < 0 || user % 2 !== 0;
  const problem = row[4] !== null ? 'a tag that is not there' : problemOf(row.slice(0, 4), user, mayBeAbsent);
  return problem && `${id}: ${problem}: ${JSON.stringify(tags === undefined ? row : [...tags])}`;
}

function watch() {
  let random = 1;
  while (Atomics.load(shared, SHARED.STOP) === 0) {
    random = (Math.imul(random, 1664525) + 1013904223) | 0;
    const number = random >>> 12;
    const come = Atomics.load(shared, SHARED.NEWCOMERS);
    const isNew = come > 0 && (random >>> 8) % 4 === 0;
    const user = isNew ? -1 : number % group.length;
    const id = isNew ? `${newcomer}${number % come}` : `${group[user]}`;
    const problem = read(id, user, (random >>> 10) % 2 === 0);
    reads++;
    if (isNew) newcomers++;
    if (problem) return problem;
    Atomics.store(shared, SHARED.READS, reads);
  }
  return undefined;
}

port.postMessage('ready');
const problem = watch();
port.postMessage({ problem, reads, changes, absent, newcomers });
port.once('message', (/** @type {string[]} */ ids) => {
  port.postMessage(ids.map((id) => reader.getAll(id)));
  reader.close();
});
