import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import {
  type HttpLoad,
  type HttpPeer,
  hasWrk,
  type Loader,
  loadHttp,
  withAutocannon,
  withWrk,
} from '../support/http-load.js';
import { readOptions } from '../support/options.js';
import {
  encode,
  freePort,
  type Peer,
  requireRedis,
  residentBytes,
  startRedis,
  startScript,
  startSegmentd,
  waitUntilUp,
} from '../support/peers.js';
import { Random } from '../support/random.js';
import { median } from '../support/rounds.js';
import { printTable } from '../support/table.js';
import { TagPicker, tagName, userId } from '../support/users.js';

export const name = 'http';
export const summary =
  'HTTP look-ups against a bare uWebSockets.js and fastify + ioredis + redis-server, look-ups in bulk, an export; --users --rounds --seconds --exported';

const CONNECTIONS = 50;
const TAGS = 10;
const OF = 200;
/** Paths that the connections ask for in turn. */
const PATHS = 2_000;
const USERS_IN_BULK = 1_000;
const BULK_CONNECTIONS = 4;
const IDS_IN_A_COMMAND = 1_000;
const MIB = 2 ** 20;

function* tagsOfUsers(users: number): Generator<Buffer> {
  const picker = new TagPicker({ users, of: OF, each: TAGS });
  for (let user = 0; user < users; user++) {
    const words = ['HSET', `user:${userId(user)}`];
    for (const tag of picker.tagsOf(user)) words.push(tagName(tag), '1');
    yield encode(...words);
  }
}

function* oneTag(users: number): Generator<Buffer> {
  for (let from = 0; from < users; from += IDS_IN_A_COMMAND) {
    const ids = Array.from({ length: Math.min(IDS_IN_A_COMMAND, users - from) }, (_, i) => userId(from + i));
    yield encode('SADD', 'tag:all', ...ids);
  }
}

/** A segmentd whose `port` speaks HTTP; `resp` is filled. */
async function startHttpServer(): Promise<{ resp: Peer; http: HttpPeer }> {
  const port = await freePort();
  const resp = await startSegmentd('--http-port', String(port));
  await waitUntilUp('segmentd', port);
  return { resp, http: { name: 'segmentd', port, pid: resp.pid } };
}

/** The first of the peers is segmentd. */
async function compareBy(
  name: string,
  load: Loader,
  peers: readonly HttpPeer[],
  paths: readonly string[],
  rounds: number,
  seconds: number,
): Promise<void> {
  const results: HttpLoad[][] = peers.map(() => []);
  // The first round warms all of them up and is not counted.
  for (let round = -1; round < rounds; round++) {
    for (const [i, peer] of peers.entries()) {
      const result = await load(peer, paths, CONNECTIONS, seconds);
      if (round >= 0) results[i]!.push(result);
    }
  }
  console.log(`\nby ${name}\n`);
  printTable(
    ['server', 'req/s', 'p99 ms', 'its µs/req', 'segmentd is', 'least', 'most'],
    peers.map(({ name: server }, i) => {
      const ratios = results[i]!.map((other, round) => {
        return results[0]![round]!.requestsPerSecond / other.requestsPerSecond;
      });
      return [
        server,
        median(results[i]!.map(({ requestsPerSecond }) => requestsPerSecond)),
        median(results[i]!.map(({ p99 }) => p99)),
        median(results[i]!.map(({ cpu }) => cpu)),
        median(ratios),
        Math.min(...ratios),
        Math.max(...ratios),
      ];
    }),
  );
}

/** Prints requests a second of each, in turn, and what segmentd's are of the others'. */
async function compareLookups(users: number, rounds: number, seconds: number): Promise<void> {
  await requireRedis();
  const random = new Random(1);
  const tags = Array.from({ length: TAGS }, () => tagName(random.below(OF))).join(',');
  const paths = Array.from(
    { length: PATHS },
    () => `/v1/users/${userId(random.below(users))}/tags?tags=${tags}`,
  );
  const { resp, http } = await startHttpServer();
  const redis = await startRedis();
  const started: Peer[] = [resp, redis];
  try {
    for (const peer of started) await peer.fill(tagsOfUsers(users), users);
    const sample = await fetch(`http://127.0.0.1:${http.port}${paths[0]}`);
    const bytes = (await sample.arrayBuffer()).byteLength;
    const others = [
      await startScript(`bare uWebSockets.js, a constant of ${bytes} bytes`, 'bare-uws.js', bytes),
      await startScript('fastify + ioredis + redis-server', 'fastify-redis.js', redis.port, 0),
      await startScript('the same, with auto-pipelining', 'fastify-redis.js', redis.port, 1),
    ];
    started.push(...others);
    console.log(
      `GET /v1/users/{id}/tags of ${TAGS} tags, ${users} users with ${TAGS} of ${OF}, ${CONNECTIONS} connections, in turn`,
    );
    const loaders: [string, Loader][] = [['autocannon', withAutocannon]];
    if (await hasWrk()) loaders.push(['wrk', withWrk]);
    for (const [name, load] of loaders)
      await compareBy(name, load, [http, ...others], paths, rounds, seconds);
    if (loaders.length === 1)
      console.log('\nautocannon may be slower than the server: install wrk for more rows');
    await lookUpInBulk(http, users, tags.split(','), rounds, seconds);
  } finally {
    for (const peer of started) await peer.stop();
  }
}

async function lookUpInBulk(
  server: HttpPeer,
  users: number,
  tags: readonly string[],
  rounds: number,
  seconds: number,
): Promise<void> {
  const random = new Random(2);
  const bodies = Array.from({ length: 20 }, () => {
    const ids = Array.from({ length: USERS_IN_BULK }, () => userId(random.below(users)));
    return {
      method: 'POST',
      path: '/v1/users/lookup',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ids, tags }),
    } as const;
  });
  const rates: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const { requestsPerSecond } = await loadHttp(server, bodies, BULK_CONNECTIONS, seconds);
    if (round >= 0) rates.push(requestsPerSecond * USERS_IN_BULK * tags.length);
  }
  console.log(
    `\nPOST /v1/users/lookup of ${USERS_IN_BULK} users and ${tags.length} tags, ${BULK_CONNECTIONS} connections\n`,
  );
  printTable(
    ['million cells/s', 'least', 'most'],
    [[median(rates), Math.min(...rates), Math.max(...rates)].map((rate) => rate / 1e6)],
  );
}

/** Prints ids a second of a whole audience as plain lines, and how much memory the server took for it. */
async function exportAll(users: number, rounds: number): Promise<void> {
  const { resp, http } = await startHttpServer();
  try {
    await resp.fill(oneTag(users), Math.ceil(users / IDS_IN_A_COMMAND));
    const body = JSON.stringify({ expression: 'all' });
    const request = `POST /v1/audiences/users HTTP/1.1\r\nHost: 127.0.0.1:${http.port}\r\nAccept: text/plain\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const rates: number[] = [];
    const growth: number[] = [];
    for (let round = -1; round < rounds; round++) {
      const before = await residentBytes(http.pid);
      let most = before;
      let isOver = false;
      const watching = (async () => {
        while (!isOver) {
          most = Math.max(most, await residentBytes(http.pid));
          await pause(50);
        }
      })();
      const reader = new Worker(new URL('../support/lines-reader.js', import.meta.url), {
        workerData: { port: http.port, request },
      });
      const [{ seconds }] = (await once(reader, 'message')) as [{ bytes: number; seconds: number }];
      isOver = true;
      await watching;
      await reader.terminate();
      if (round < 0) continue;
      rates.push(users / seconds / 1e6);
      growth.push((most - before) / MIB);
    }
    console.log(
      `\nPOST /v1/audiences/users of ${users} users with ids of 16 bytes, text/plain, to a reader of this machine\n`,
    );
    printTable(
      ['million ids/s', 'least', 'most', 'RSS growth MiB', 'most'],
      [[median(rates), Math.min(...rates), Math.max(...rates), median(growth), Math.max(...growth)]],
    );
  } finally {
    await resp.stop();
  }
}

/** Prints a table for each of them. Needs redis-server and redis-tools. */
export async function run(args: readonly string[]): Promise<void> {
  const { users, rounds, seconds, exported } = readOptions(args, {
    users: 100_000,
    rounds: 5,
    seconds: 3,
    exported: 10_000_000,
  });
  await compareLookups(users, rounds, seconds);
  await exportAll(exported, rounds);
}
