/** `segmentd serve`: opens the engine, serves it, says what it does, and ends well. */
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { engineTarget } from '../loaders/engine-target.js';
import { LAST_SAMPLE_ID, loadSample } from '../loaders/sample.js';
import { type Engine, type FsyncPolicy, type PersistenceInfo, SegmentdError } from '../src/index.js';
import { type EngineOptions, resolveServerOptions, type ServerOptions } from '../src/options.js';
import { type CliOutput, count, percent, size } from './cli-output.js';
import { EventLog } from './event-log.js';
import { LoadingEngine } from './loading.js';
import { createLogger, type Logger } from './logging.js';
import { isLoopback } from './loopback.js';
import { type RunningServer, startServer } from './server.js';
import { PACKAGE_VERSION } from './version.js';

/** Exit codes. */
const ENDED = 0;
const FAILED = 1;
/** What is loaded sooner is served when it is there; else clients are told to wait. */
const QUICK_MILLISECONDS = 100;
const SHOW_MILLISECONDS = 100;
/** It is logged when so much more is loaded. */
const LOGGED_PERCENT = 10;

/** What to try at first. */
const EXAMPLES = [
  'HSET user:u1 sports 1 city Berlin',
  'SADD tag:sports u2 u3',
  'SMEMBERS tag:sports',
  'TAG.LIST',
];
/** The same with the sample. */
const SAMPLE_EXAMPLES = [
  'HMGET user:p1 age sex education high-income',
  'SINTERCARD 2 tag:high-income tag:sex=Female',
  'SEG.COUNT "sex = Female and age between 25 and 40 and not high-income"',
  'HSET user:p1 newsletter 1',
  'SMEMBERS tag:newsletter',
  'TAG.LIST',
];

/** What a crash may cost, by policy. */
const PROMISES: Readonly<Record<FsyncPolicy, string>> = {
  always: 'what was replied to is on the disk',
  everysec:
    'the end of the process loses nothing that was replied to, the loss of power at most the last second',
  no: 'the end of the process loses nothing that was replied to, the loss of power what the system had not written yet',
};

/** What the command line says about a server. */
export interface ServeOptions {
  readonly engine: Partial<EngineOptions>;
  readonly server: Partial<ServerOptions>;
  readonly sample: boolean;
}

/** Returns when the server is up; it ends the process by a signal or a client's SHUTDOWN. Throws what says why it cannot be. */
export async function serve(options: ServeOptions, output: CliOutput): Promise<void> {
  const { dataDir = '', readOnly = false } = options.engine;
  if (readOnly && dataDir === '')
    throw new SegmentdError('INVALID_OPTION', '--read-only needs a folder to read: name it with --data-dir');
  const logger = createLogger(resolveServerOptions(options.server));
  process.once('uncaughtExceptionMonitor', (error) => new EventLog(logger).crashed(error));
  // Its many files take a turn each, and more: while the data folder is read, that would be seconds.
  if (options.server.httpPort !== 0) await import('./http/endpoints/index.js');
  await new Serving(options, logger, output).start();
}

class Serving {
  readonly #options: ServeOptions;
  readonly #logger: Logger;
  readonly #output: CliOutput;
  readonly #loading: LoadingEngine;
  #server: RunningServer | undefined;
  #isStopping = false;

  constructor(options: ServeOptions, logger: Logger, output: CliOutput) {
    this.#options = options;
    this.#logger = logger;
    this.#output = output;
    this.#loading = new LoadingEngine(options.engine);
  }

  async start(): Promise<void> {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void this.#stop());
    const loading = this.#loading;
    try {
      const engine = await Promise.race([loading.engine, pause(QUICK_MILLISECONDS)]);
      if (engine !== undefined) this.#tellOpened(engine);
      // Before the sample: a port in use should be told at once. Clients that come early find an empty store that fills.
      this.#server = await startServer({
        ...this.#options.server,
        engine: engine ?? loading,
        logger: this.#logger,
        onShutdown: () => void this.#stop(),
      });
      if (engine === undefined) await this.#waitUntilLoaded(this.#server);
      await this.#begin(engine ?? (await loading.engine), this.#server);
    } catch (error) {
      // Whoever stops it ends the process.
      if (this.#isStopping) return;
      await this.#server?.close();
      await this.#close();
      throw error;
    }
  }

  /** The engine is there, and served. */
  async #begin(engine: Engine, server: RunningServer): Promise<void> {
    if (this.#isStopping) return;
    if (this.#options.sample) await this.#loadSample(engine);
    this.#announce(engine, server);
  }

  /** Shows how far loading is: to people in a line that changes, to the log now and then. */
  async #waitUntilLoaded({ host, respPort }: RunningServer): Promise<void> {
    const loading = this.#loading;
    const directory = resolve(loading.standIn.options.dataDir);
    this.#output.print(
      `loading ${directory}: until that is done, clients of ${host}:${respPort} are told so (LOADING)`,
    );
    let logged = Number.NEGATIVE_INFINITY;
    const show = (): void => {
      const { progress, totalBytes, secondsLeft } = loading;
      const left = `${Math.ceil(secondsLeft)} s left`;
      this.#output.progress(`loading: ${percent(progress)} of ${size(totalBytes)}, ${left}`);
      const percents = Math.floor(100 * progress);
      if (percents < logged + LOGGED_PERCENT) return;
      logged = percents;
      this.#logger.info({ directory, percent: percents, bytes: totalBytes }, 'loading the data folder');
    };
    show();
    const shows = setInterval(show, SHOW_MILLISECONDS);
    try {
      this.#tellOpened(await loading.engine);
    } finally {
      clearInterval(shows);
      this.#output.progress('');
    }
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    this.#loading.cancel();
    await this.#server?.close();
    process.exit((await this.#close()) ? ENDED : FAILED);
  }

  /** Ends the engine, or its loading. Returns whether the disk has everything. */
  async #close(): Promise<boolean> {
    this.#loading.cancel();
    const engine = await this.#loading.engine.catch(() => undefined);
    if (engine === undefined) return true;
    try {
      engine.close();
    } catch (error) {
      const { message } = error as Error;
      this.#logger.error({ reason: message }, 'data folder not closed well');
      this.#output.fail(message);
      return false;
    }
    if (engine.persistence !== undefined) this.#logger.info({}, 'data folder closed');
    return true;
  }

  /** What opening the data folder did. */
  #tellOpened({ persistence }: Engine): void {
    if (persistence === undefined) return;
    const { directory, file, snapshot, damagedSnapshot, replayed, replaySeconds, torn } = persistence;
    // A folder that is only read goes on naming a damaged snapshot.
    const isRead = snapshot !== undefined && snapshot.name !== damagedSnapshot;
    const read = isRead ? `${snapshot.name} of ${size(snapshot.bytes)} read, ` : '';
    const changes = `${count(replayed, 'change')} replayed in ${replaySeconds.toFixed(1)} s`;
    this.#output.print(`data folder ${directory}: ${read}${changes}`);
    const fields = { directory, snapshot: snapshot?.name, replayed, seconds: replaySeconds };
    this.#logger.info(fields, 'data folder opened');
    const events = new EventLog(this.#logger);
    if (torn > 0) {
      events.changesTorn(file, torn);
      const bytes = count(torn, 'byte');
      this.#warn(`cut ${bytes} off ${file}, of a change that was not written to its end`);
    }
    if (damagedSnapshot === undefined) return;
    events.snapshotDamaged(damagedSnapshot);
    this.#warn(
      `${damagedSnapshot} is damaged: an older one and all journals since were read instead, and nothing is lost`,
    );
  }

  async #loadSample(engine: Engine): Promise<void> {
    if (engine.has(LAST_SAMPLE_ID)) {
      this.#output.print('sample not loaded: the data folder has it already');
      return;
    }
    if (engine.persistence?.readOnly === true) {
      this.#output.print('sample not loaded: the data folder is only read');
      return;
    }
    const before = Date.now();
    await loadSample(engineTarget(engine));
    engine.compact();
    const { users, tags, pairs } = engine.stats();
    const seconds = (Date.now() - before) / 1000;
    this.#logger.info({ users, tags, pairs, seconds }, 'sample loaded');
    const people = users.toLocaleString('en-US');
    this.#output.print(
      `sample loaded: ${people} people, ${count(tags, 'tag')}, ${count(pairs, 'value')} in ${seconds.toFixed(1)} s`,
    );
  }

  /** Says where it serves, what is kept, and what to try. */
  #announce(engine: Engine, { host, respPort, httpPort }: RunningServer): void {
    const { print } = this.#output;
    const { sample, server } = this.#options;
    const { persistence } = engine;
    const hasPassword = (server.password ?? '') !== '';
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${httpPort}`;
    const kept = persistence === undefined ? 'data in memory' : `data in ${persistence.directory}`;
    print(`segmentd ${PACKAGE_VERSION} serves Redis clients on ${host}:${respPort} (${kept})`);
    if (httpPort !== 0) print(`HTTP on ${url}, its documentation on ${url}/docs`);
    this.#tellKept(persistence);
    if (!isLoopback(host) && !hasPassword)
      this.#warn(`${host} may be reached from other machines and no --password is set`);
    print('');
    print('try:');
    const at = host === '127.0.0.1' ? `-p ${respPort}` : `-h ${host} -p ${respPort}`;
    for (const example of sample ? SAMPLE_EXAMPLES : EXAMPLES) print(`  redis-cli ${at} ${example}`);
    const login = hasPassword ? '-u :PASSWORD ' : '';
    if (httpPort !== 0) print(`  curl ${login}${url}/v1/users/${sample ? 'p1' : 'u1'}/tags`);
    if (engine.stats().users === 0) print('  segmentd load FILE.csv --id COLUMN');
  }

  #tellKept(persistence: PersistenceInfo | undefined): void {
    if (persistence === undefined)
      this.#warn('nothing is kept on disk: all data is gone when this process ends. --data-dir DIR keeps it');
    else if (persistence.readOnly)
      this.#output.print('read-only: the data as it was when it was opened; changes are refused');
    else this.#output.print(`fsync ${persistence.fsync}: ${PROMISES[persistence.fsync]}`);
  }

  #warn(text: string): void {
    this.#output.print(`warning: ${text}`);
  }
}
