/** What those who watch the server learn of versions: from its log, its metrics and /readyz. */
import { afterEach, expect, test } from 'vitest';
import { startServer } from '../../protocol/server.js';
import { type Engine, openEngine } from '../../src/index.js';
import { freePort } from '../support/free-port.js';
import { keptLog } from '../support/log-lines.js';
import { metricValue, parseMetrics } from '../support/prometheus-text.js';

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function serve() {
  const engine = openEngine();
  const log = keptLog('info');
  const httpPort = await freePort();
  const server = await startServer({ engine, logger: log.logger, respPort: 0, httpPort });
  ended.push(
    () => engine.close(),
    () => server.close(),
  );
  const get = (path: string) => fetch(`http://127.0.0.1:${httpPort}${path}`);
  return { engine, log, get };
}

function load(engine: Engine, users: number, at = Date.now()) {
  const list = [{ users: Array.from({ length: users }, (_, i) => `secret-${i}`) }];
  return engine.versions.replace('buyers', list, { at }).now();
}

test('what happens to versions is logged and counted, and names no user', async () => {
  const { engine, log, get } = await serve();
  expect(load(engine, 100).state).toBe('published');
  engine.versions.setPolicy('buyers', { maxShrinkage: 0.5 });
  const held = load(engine, 10);
  expect(held.state).toBe('held');
  load(engine, 90);
  engine.versions.rollBack('buyers').now();
  const metrics = parseMetrics(await (await get('/metrics')).text());
  const count = (event: string) => metricValue(metrics, 'segmentd_version_events_total', { event });
  expect(['published', 'held', 'rolled_back', 'discarded'].map(count)).toEqual([2, 1, 1, 0]);
  expect(metricValue(metrics, 'segmentd_held_versions')).toBe(1);
  expect(log.of('version published').map(({ tag, users }) => [tag, users])).toEqual([
    ['buyers', 100],
    ['buyers', 90],
  ]);
  const [warning] = log.of('version held');
  expect(warning).toMatchObject({ level: 'warn', tag: 'buyers', users: 10 });
  expect(warning!['reason']).toContain('50');
  expect(log.of('version rolled back').length).toBe(1);
  expect(log.text.join('')).not.toContain('secret-');
});

test('a tag that is older than it may be is named by /readyz and in the metrics, until it is loaded again', async () => {
  const { engine, get } = await serve();
  const readiness = async () => (await get('/readyz')).json();
  load(engine, 10);
  engine.versions.setPolicy('buyers', { maxAge: 3600 });
  expect(await readiness()).toEqual({ status: 'ready' });
  // What it counts from is when the tag got its greatest age, or was loaded: both a day ago.
  engine.dropTag('buyers');
  engine.declareTag('buyers', { kind: 'flag' });
  const yesterday = Date.now() - 86_400_000;
  engine.apply({ type: 'setPolicy', tag: 'buyers', policy: { maxAge: 3600 }, at: yesterday });
  const { status, reasons } = (await readiness()) as { status: string; reasons: string[] };
  expect(status).toBe('degraded');
  expect(reasons).toEqual([expect.stringMatching(/^tag "buyers" is 864\d\d s old, and may be 3600 s old/)]);
  const age = metricValue(
    parseMetrics(await (await get('/metrics')).text()),
    'segmentd_stale_tag_age_seconds',
    {
      tag: 'buyers',
    },
  );
  expect(age).toBeGreaterThanOrEqual(86_400);
  load(engine, 10);
  expect(await readiness()).toEqual({ status: 'ready' });
});
