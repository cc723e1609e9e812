#!/usr/bin/env node
/** The command line: `segmentd serve`, `segmentd load`, `segmentd --help`. */
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { engineTarget } from '../loaders/engine-target.js';
import { LOAD_EXIT, type LoadOptions, runLoad } from '../loaders/run.js';
import { LAST_SAMPLE_ID, loadSample } from '../loaders/sample.js';
import { type Engine, openEngine, SegmentdError } from '../src/index.js';
import {
  type AllOptions,
  type EngineOptions,
  type OptionName,
  type OptionRow,
  optionEnv,
  optionFlag,
  optionRows,
  parseOption,
  resolveServerOptions,
  type ServerOptions,
} from '../src/options.js';
import { EventLog } from './event-log.js';
import { helpText, loadHelpText, serveHelpText } from './help.js';
import { createLogger, type Logger } from './logging.js';
import { isLoopback } from './loopback.js';
import { type RunningServer, startServer } from './server.js';
import { PACKAGE_VERSION } from './version.js';

/** Exit code for wrong usage, as is the custom of shells. */
const USAGE = 2;

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

type Flags = Record<string, { type: 'string' | 'boolean'; multiple?: boolean; short?: string }>;

/** Runs one command line and gives the exit code, or `undefined` while a server runs. */
async function main(args: readonly string[]): Promise<number | undefined> {
  const [name, ...rest] = args;
  switch (name) {
    case 'serve':
      return serve(rest);
    case 'load':
      return load(rest);
    case '--version':
    case '-v':
      print(PACKAGE_VERSION);
      return 0;
    case '--help':
    case '-h':
    case 'help':
      print(rest[0] === 'serve' ? serveHelpText() : rest[0] === 'load' ? loadHelpText() : helpText());
      return 0;
    case undefined:
      print(helpText());
      return USAGE;
    default:
      throw new SegmentdError('INVALID_OPTION', `there is no command "${name}"; see segmentd --help`);
  }
}

async function serve(args: readonly string[]): Promise<number | undefined> {
  // Commands leave next to no garbage, so a young generation of 16 MiB would only take room: over a byte for each pair of a
  // million users with ten tags, without any gain in throughput (measured: compare-hmget).
  setFlagsFromString('--semi-space-growth-factor=1');
  const flags: Flags = { sample: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };
  for (const [name, { type }] of optionRows) {
    flags[optionFlag(name)] = { type: type === 'boolean' ? 'boolean' : 'string' };
  }
  const { values } = parse(args, flags, false);
  if (values['help'] === true) {
    print(serveHelpText());
    return 0;
  }
  const options = optionsFrom(values);
  const logger = createLogger(resolveServerOptions(options.server));
  process.once('uncaughtExceptionMonitor', (error) => new EventLog(logger).crashed(error));
  const engine = openEngine(options.engine);
  tellReplayed(engine, logger);
  let server: RunningServer | undefined;
  const stop = async (): Promise<void> => {
    await server?.close();
    try {
      engine.close();
    } catch (error) {
      const { message } = error as Error;
      logger.error({ reason: message }, 'data folder not closed well');
      process.stderr.write(`segmentd: ${message}\n`);
      process.exit(LOAD_EXIT.failed);
    }
    if (engine.persistence !== undefined) logger.info({}, 'data folder closed');
    process.exit(0);
  };
  // Before the sample: a port in use should be told at once. Clients that come early find an empty store that fills.
  try {
    server = await startServer({ ...options.server, engine, logger, onShutdown: () => void stop() });
  } catch (error) {
    engine.close();
    throw error;
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
  if (values['sample'] === true) await loadSampleInto(engine, logger);
  announce(engine, server, options.server, values['sample'] === true);
  return undefined;
}

/** What opening the data folder did. */
function tellReplayed({ persistence }: Engine, logger: Logger): void {
  if (persistence === undefined) return;
  const { directory, file, replayed, replaySeconds, torn } = persistence;
  const changes = replayed === 1 ? '1 change' : `${replayed.toLocaleString('en-US')} changes`;
  print(`data folder ${directory}: ${changes} replayed in ${replaySeconds.toFixed(1)} s`);
  logger.info({ directory, replayed, seconds: replaySeconds }, 'data folder opened');
  if (torn === 0) return;
  logger.warn({ file, bytes: torn }, 'cut off a change that was not written to its end');
  print(`warning: cut ${torn} bytes off ${file}, of a change that was not written to its end`);
}

async function loadSampleInto(engine: Engine, logger: Logger): Promise<void> {
  if (engine.has(LAST_SAMPLE_ID)) {
    print('sample not loaded: the data folder has it already');
    return;
  }
  const before = Date.now();
  await loadSample(engineTarget(engine));
  engine.compact();
  const { users, tags, pairs } = engine.stats();
  const count = (value: number): string => value.toLocaleString('en-US');
  const seconds = (Date.now() - before) / 1000;
  logger.info({ users, tags, pairs, seconds }, 'sample loaded');
  print(
    `sample loaded: ${count(users)} people, ${tags} tags, ${count(pairs)} values in ${seconds.toFixed(1)} s`,
  );
}

/** Says where it serves, and what to try. */
function announce(
  engine: Engine,
  server: RunningServer,
  given: Partial<ServerOptions>,
  isSample: boolean,
): void {
  const { host, respPort, httpPort } = server;
  const hasPassword = (given.password ?? '') !== '';
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${httpPort}`;
  const { persistence } = engine;
  const kept =
    persistence === undefined ? 'in memory: nothing is kept on disk' : `data in ${persistence.directory}`;
  print(`segmentd ${PACKAGE_VERSION} serves Redis clients on ${host}:${respPort} (${kept})`);
  if (httpPort !== 0) print(`HTTP on ${url}, its documentation on ${url}/docs`);
  if (!isLoopback(host) && !hasPassword) {
    print(`warning: ${host} may be reached from other machines and no --password is set`);
  }
  print('');
  print('try:');
  const at = host === '127.0.0.1' ? `-p ${respPort}` : `-h ${host} -p ${respPort}`;
  for (const example of isSample ? SAMPLE_EXAMPLES : EXAMPLES) print(`  redis-cli ${at} ${example}`);
  const login = hasPassword ? '-u :PASSWORD ' : '';
  if (httpPort !== 0) print(`  curl ${login}${url}/v1/users/${isSample ? 'p1' : 'u1'}/tags`);
  if (engine.stats().users === 0) print('  segmentd load FILE.csv --id COLUMN');
}

async function load(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(
    args,
    {
      id: { type: 'string' },
      number: { type: 'string', multiple: true },
      flag: { type: 'string', multiple: true },
      enum: { type: 'string', multiple: true },
      skip: { type: 'string', multiple: true },
      missing: { type: 'string', multiple: true },
      host: { type: 'string' },
      'resp-port': { type: 'string' },
      password: { type: 'string' },
      'user-prefix': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
    true,
  );
  if (values['help'] === true) {
    print(loadHelpText());
    return 0;
  }
  if (positionals.length === 0) {
    throw new SegmentdError('INVALID_OPTION', 'load needs at least one FILE; see segmentd help load');
  }
  const { server } = optionsFrom(values);
  const given = { ...values, ...server, files: positionals } as LoadOptions & { respPort?: number };
  return runLoad({ ...given, ...(given.respPort !== undefined && { port: given.respPort }) }, print);
}

/** Values of the option table's rows: from flags, else from the environment. */
function optionsFrom(values: Record<string, unknown>): {
  engine: Partial<EngineOptions>;
  server: Partial<ServerOptions>;
} {
  const found: Record<OptionRow['scope'], Partial<Record<OptionName, unknown>>> = { engine: {}, server: {} };
  for (const [name, { scope }] of optionRows) {
    const given = values[optionFlag(name)];
    const fromEnvironment = process.env[optionEnv(name)];
    if (given !== undefined) {
      found[scope][name] =
        typeof given === 'string' ? parseOption(name, given, `--${optionFlag(name)}`) : given;
    } else if (fromEnvironment !== undefined) {
      found[scope][name] = parseOption(name, fromEnvironment, optionEnv(name));
    }
  }
  return found as { engine: Partial<AllOptions>; server: Partial<AllOptions> };
}

function parse(
  args: readonly string[],
  options: Flags,
  allowPositionals: boolean,
): { values: Record<string, unknown>; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options, allowPositionals, strict: true });
  } catch (error) {
    const [message] = (error as Error).message.split('. ');
    throw new SegmentdError('INVALID_OPTION', `${message}; see segmentd --help`);
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  const exit = await main(process.argv.slice(2));
  if (exit !== undefined) process.exitCode = exit;
} catch (error) {
  if (!(error instanceof SegmentdError)) throw error;
  process.stderr.write(`segmentd: ${error.message}\n`);
  process.exit(error.code === 'INVALID_OPTION' ? USAGE : LOAD_EXIT.failed);
}
