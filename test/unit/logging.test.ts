import type { FastifyBaseLogger } from 'fastify';
import type { Logger as PinoLogger } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { EventLog } from '../../protocol/event-log.js';
import { Failures } from '../../protocol/failures.js';
import { JournalWatch } from '../../protocol/journal-watch.js';
import { LogLimiter } from '../../protocol/log-limiter.js';
import { createLogger, type Logger, requestLogger, silentLogger } from '../../protocol/logging.js';
import { ProtocolError } from '../../protocol/resp/limits.js';
import { type Engine, openEngine, SegmentdError } from '../../src/index.js';
import { openEngineOn } from '../../src/open.js';
import { optionTable } from '../../src/options.js';
import { FailingStorage } from '../../src/persistence/storage-crashing.js';
import { MemoryStorage } from '../../src/persistence/storage-memory.js';
import { keptLog } from '../support/log-lines.js';

describe('a logger', () => {
  test('writes lines of JSON with time, level, message and fields', () => {
    const { logger, text, lines } = keptLog('info');
    logger.info({ users: 3 }, 'loaded');
    expect(text[0]).toMatch(/^\{.*\}\n$/);
    const [line] = lines();
    expect(line).toMatchObject({
      level: 'info',
      name: 'segmentd',
      pid: process.pid,
      users: 3,
      msg: 'loaded',
    });
    expect(new Date(line!['time'] as string).toISOString()).toBe(line!['time']);
  });

  test.each(optionTable.logLevel.choices)('of level %s writes that and what is worse', (level) => {
    const { logger, lines } = keptLog(level);
    const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
    for (const each of levels) logger[each]({}, 'x');
    const worst = level === 'silent' ? 0 : levels.indexOf(level) + 1;
    expect(lines().map((line) => line.level)).toEqual(levels.slice(0, worst));
  });

  test('writes text for people, one event a line whatever is in it', () => {
    let text = '';
    const logger = createLogger({ logLevel: 'info', logFormat: 'text' }, { write: (line) => (text += line) });
    logger.warn(
      { address: '127.0.0.1:5', clients: 3, reason: 'a\nb "c"', none: undefined },
      'client rejected',
    );
    expect(text).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARN {2}client rejected address=127\.0\.0\.1:5 clients=3 reason="a\\nb \\"c\\""\n$/,
    );
    text = '';
    new EventLog(logger).internalError(new TypeError('x is not a function'), { command: 'HGET' });
    expect(text).toMatch(/ ERROR internal error command=HGET error=TypeError\n {4}at .*logging\.test\.ts/);
  });

  test('of a request has its id in each line', () => {
    const { logger, lines } = keptLog('info');
    requestLogger(logger, 'r-7').warn({ status: 500 }, 'x');
    expect(lines()[0]).toMatchObject({ requestId: 'r-7', status: 500 });
  });

  test('can be one of pino, of Fastify, or none', () => {
    const fits: Record<string, (logger: never) => Logger> = {
      pino: (logger: PinoLogger) => logger,
      fastify: (logger: FastifyBaseLogger) => logger,
    };
    expect(Object.keys(fits)).toHaveLength(2);
    for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const) {
      expect(silentLogger[level]({}, 'x')).toBeUndefined();
    }
    expect(silentLogger.child({})).toBe(silentLogger);
  });
});

describe('the limiter', () => {
  test('lets ten of a kind through in a second, and tells how many it did not', () => {
    let now = 1_000;
    const limiter = new LogLimiter(() => now);
    const admitted = (kind: string, count: number) =>
      Array.from({ length: count }, () => limiter.admit(kind)).filter((leftOut) => leftOut !== undefined);
    expect(admitted('a', 25)).toEqual(new Array(10).fill(0));
    expect(admitted('b', 3)).toEqual([0, 0, 0]);
    now = 1_999;
    expect(admitted('a', 1)).toEqual([]);
    now = 2_000;
    expect(admitted('a', 25)).toEqual([16, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    // The clock was set back.
    now = 0;
    expect(admitted('a', 2)).toEqual([15, 0]);
  });

  test('is asked for events that a client can bring about', () => {
    const { logger, of } = keptLog('debug');
    const events = new EventLog(logger, new LogLimiter(() => 0));
    for (let i = 0; i < 100; i++) {
      events.clientRejected('127.0.0.1:5', 10);
      events.slowCommand(20, { command: 'KEYS' });
      events.protocolError('unbalanced quotes in request', {});
      events.authenticationFailed({});
      events.queryTimedOut({});
      events.internalError(new Error('x'), {});
    }
    for (const message of [
      'client rejected',
      'slow command',
      'protocol error',
      'authentication failed',
      'query timed out',
      'internal error',
    ]) {
      expect(of(message), message).toHaveLength(10);
    }
  });
});

describe('an internal error', () => {
  test('is logged with its stack, and without its message but at level debug', () => {
    const secret = 'user-4711 said:\n    at home (x.js:1)\nno';
    const { logger, text, lines } = keptLog('debug');
    new EventLog(logger).internalError(new RangeError(secret), { command: 'HGET', client: 3 });
    const [error, debug] = lines();
    expect(error).toMatchObject({
      level: 'error',
      msg: 'internal error',
      error: 'RangeError',
      command: 'HGET',
      client: 3,
    });
    expect(String((error!['stack'] as string[])[0])).toMatch(/^at .*logging\.test\.ts/);
    expect(text[0]).not.toMatch(/4711|home/);
    expect(debug).toMatchObject({ level: 'debug', message: secret });
  });

  test('may be anything that can be thrown', () => {
    const { logger, lines } = keptLog('info');
    const events = new EventLog(logger);
    for (const error of ['user-4711', undefined, null, { message: 'user-4711' }])
      events.internalError(error, {});
    expect(lines().map((line) => line['error'])).toEqual(['string', 'undefined', 'object', 'object']);
    events.crashed(Object.assign(new Error(), { stack: undefined }));
    expect(lines().at(-1)).toMatchObject({ level: 'fatal', msg: 'crashed', error: 'Error', stack: [] });
  });
});

describe('failures', () => {
  test('are told apart: our own, those of the client, and those that somebody should look after', () => {
    const { logger, lines } = keptLog('info');
    const engine = openEngine();
    const events = new EventLog(logger);
    const failures = new Failures(events, new JournalWatch(engine, events));
    failures.note(new SegmentdError('INVALID_VALUE', 'user-4711'), {});
    failures.note(new SegmentdError('UNKNOWN_TAG', 'user-4711'), {});
    failures.note(new ProtocolError('x'), {});
    expect(lines()).toEqual([]);
    failures.note(new SegmentdError('QUERY_TIMEOUT', 'x'), { route: '/audiences/{name}' });
    failures.note(new SegmentdError('WRONG_PASSWORD', 'x'), { address: '192.0.2.1' });
    failures.note(new SegmentdError('INTERNAL', 'user-4711'), { requestId: 'r-7' });
    failures.note(new TypeError('user-4711'), {});
    expect(lines().map(({ level, msg }) => [level, msg])).toEqual([
      ['warn', 'query timed out'],
      ['warn', 'authentication failed'],
      ['error', 'internal error'],
      ['error', 'internal error'],
    ]);
    expect(lines()[2]).toMatchObject({ requestId: 'r-7', error: 'SegmentdError' });
    expect(JSON.stringify(lines())).not.toContain('4711');
    expect([failures.queryTimeouts, failures.internalErrors]).toEqual([1, 2]);
    engine.close();
  });
});

describe('the watch over the journal', () => {
  afterEach(() => {
    failure = undefined;
  });
  let failure: string | undefined;
  const engine = {
    get persistence() {
      return { failure };
    },
  } as unknown as Engine;

  test('tells when it begins to fail, once, and when it is well again', () => {
    const { logger, lines } = keptLog('info');
    const watch = new JournalWatch(engine, new EventLog(logger));
    watch.look();
    expect([watch.failures, watch.lastFailureAt]).toEqual([0, 0]);
    failure = 'no space left';
    watch.look();
    watch.look();
    failure = 'the disk is broken';
    watch.look();
    expect(watch.failures).toBe(1);
    expect(watch.lastFailureAt).toBeGreaterThan(1.7e12);
    failure = undefined;
    watch.look();
    failure = 'no space left';
    watch.look();
    expect(watch.failures).toBe(2);
    expect(lines().map(({ level, reason }) => [level, reason])).toEqual([
      ['error', 'no space left'],
      ['error', 'the disk is broken'],
      ['warn', undefined],
      ['error', 'no space left'],
    ]);
  });

  test('tells of snapshots and new journals, each once', async () => {
    let isFull = false;
    const storage = new FailingStorage(new MemoryStorage(), (_, path) => {
      if (isFull && path.includes('snapshot')) throw new Error('ENOSPC: no space left');
    });
    const options = { dataDir: '/data', snapshotAge: 0, snapshotJournalBytes: 0 };
    const engine = openEngineOn(options, storage);
    const { logger, lines } = keptLog('info');
    const watch = new JournalWatch(engine, new EventLog(logger));
    const told = (): unknown[] => {
      watch.look();
      watch.look();
      return lines()
        .splice(count)
        .map(({ level, msg, snapshot, file, reason }) => {
          count++;
          return [level, msg, reason ?? file ?? snapshot];
        });
    };
    let count = 0;
    expect(told()).toEqual([]);
    engine.setTags('anna', { sports: true });
    await engine.snapshot();
    expect(told()).toEqual([
      ['info', 'journal begun', 'journal-000002.log'],
      ['info', 'snapshot written', 'snapshot-000002'],
    ]);
    isFull = true;
    await engine.snapshot().catch(() => {});
    expect(told()).toEqual([
      ['info', 'journal begun', 'journal-000003.log'],
      ['error', 'no snapshot was written', expect.stringContaining('no space left')],
    ]);
    engine.close();
  });

  test('tells what was found at the start', () => {
    const opened = {
      persistence: { file: 'journal-000001.log', torn: 4, damagedSnapshot: 'snapshot-000002' },
    };
    const { logger, lines } = keptLog('info');
    const watch = new JournalWatch(opened as unknown as Engine, new EventLog(logger));
    watch.look();
    watch.look();
    expect(lines()).toMatchObject([
      { level: 'warn', file: 'journal-000001.log', bytes: 4 },
      { level: 'error', snapshot: 'snapshot-000002' },
    ]);
  });
});
