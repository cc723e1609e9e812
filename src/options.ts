/**
 * Every option, one row each. The command-line flag (`--max-enum-values`), the environment variable
 * (`SEGMENTD_MAX_ENUM_VALUES`), the CONFIG name (`max-enum-values`) and docs/options.md are made from the row.
 */
import { SegmentdError } from './errors.js';

export interface OptionRow {
  readonly type: 'integer' | 'string' | 'boolean' | 'choice';
  readonly default: number | string | boolean;
  readonly min?: number;
  readonly max?: number;
  /** What may be chosen. */
  readonly choices?: readonly string[];
  /** Whose option it is: `openEngine`'s or `startServer`'s. The command line takes both. */
  readonly scope: 'engine' | 'server';
  /** May CONFIG SET change it at run time? */
  readonly mutable: boolean;
  /** Never shown by CONFIG GET, logs or errors. */
  readonly secret?: boolean;
  readonly doc: string;
}

const MIB = 2 ** 20;

export const optionTable = {
  maxEnumValues: {
    type: 'integer',
    default: 65_535,
    min: 1,
    max: 16_777_216,
    scope: 'engine',
    mutable: false,
    doc: 'Different values that one enum tag may have.',
  },
  strict: {
    type: 'boolean',
    default: false,
    scope: 'engine',
    mutable: false,
    doc: 'Refuse writes to tags that are not declared.',
  },
  dataDir: {
    type: 'string',
    default: '',
    scope: 'engine',
    mutable: false,
    doc: 'Folder that keeps the data across restarts; without one, it is in memory only.',
  },
  readOnly: {
    type: 'boolean',
    default: false,
    scope: 'engine',
    mutable: false,
    doc: 'Read the data folder as it is now, whoever else has it, and refuse changes.',
  },
  fsync: {
    type: 'choice',
    default: 'everysec',
    choices: ['always', 'everysec', 'no'],
    scope: 'engine',
    mutable: false,
    doc: 'When changes are made to survive a loss of power: before they are replied to (always), once a second (everysec), or when the system likes (no).',
  },
  snapshotJournalBytes: {
    type: 'integer',
    default: 64 * MIB,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    scope: 'engine',
    mutable: false,
    doc: 'Bytes of journals from which a snapshot replaces them, unless the last snapshot is larger; 0 means never.',
  },
  snapshotAge: {
    type: 'integer',
    default: 86_400,
    min: 0,
    max: 2_147_483,
    scope: 'engine',
    mutable: false,
    doc: 'Seconds after which changes since the last snapshot go into a new one; 0 means never.',
  },
  queryTimeout: {
    type: 'integer',
    default: 30_000,
    min: 0,
    max: 2_147_483_647,
    scope: 'engine',
    mutable: false,
    doc: 'Milliseconds after which an audience query is given up; 0 means never.',
  },
  audienceCacheBytes: {
    type: 'integer',
    default: 64 * MIB,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    scope: 'engine',
    mutable: false,
    doc: 'Memory for results of saved audiences, in bytes; 0 keeps none.',
  },
  host: {
    type: 'string',
    default: '127.0.0.1',
    scope: 'server',
    mutable: false,
    doc: 'Address to listen on. Set a password before opening it to a network.',
  },
  respPort: {
    type: 'integer',
    default: 7379,
    min: 0,
    max: 65_535,
    scope: 'server',
    mutable: false,
    doc: 'Port for Redis clients; 0 takes any free port.',
  },
  httpPort: {
    type: 'integer',
    default: 7380,
    min: 0,
    max: 65_535,
    scope: 'server',
    mutable: false,
    doc: 'Port for HTTP; 0 turns it off.',
  },
  httpTransport: {
    type: 'choice',
    default: 'auto',
    choices: ['auto', 'uws', 'node'],
    scope: 'server',
    mutable: false,
    doc: "Who speaks HTTP: uws (the package uWebSockets.js), node (Node's own), or auto: uws if it is installed.",
  },
  httpMaxBodyBytes: {
    type: 'integer',
    default: 16 * MIB,
    min: 1024,
    max: 512 * MIB,
    scope: 'server',
    mutable: true,
    doc: "Bytes of an HTTP request's body; a longer one is refused with 413.",
  },
  httpMaxHeaderBytes: {
    type: 'integer',
    default: 16_384,
    min: 1024,
    max: MIB,
    scope: 'server',
    mutable: false,
    doc: "Bytes of an HTTP request's headers; more are refused with 431. The transport uws has limits of its own.",
  },
  httpMaxUrlBytes: {
    type: 'integer',
    default: 8192,
    min: 256,
    max: MIB,
    scope: 'server',
    mutable: false,
    doc: "Bytes of an HTTP request's path and query; a longer one is refused with 414.",
  },
  httpHeadTimeout: {
    type: 'integer',
    default: 10_000,
    min: 100,
    max: 3_600_000,
    scope: 'server',
    mutable: false,
    doc: 'Milliseconds that an HTTP client may take for the head of a request, between the pieces of its body, or without reading its answer. The transport uws always gives 10 seconds.',
  },
  httpKeepAliveTimeout: {
    type: 'integer',
    default: 10_000,
    min: 100,
    max: 3_600_000,
    scope: 'server',
    mutable: false,
    doc: 'Milliseconds that an HTTP connection is kept without a request. The transport uws always gives 10 seconds.',
  },
  httpMaxConnections: {
    type: 'integer',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    scope: 'server',
    mutable: true,
    doc: 'HTTP connections at the same time; one more is closed at once. Versions of uWebSockets.js from before 2024 do not count them.',
  },
  httpMaxRequests: {
    type: 'integer',
    default: 1000,
    min: 1,
    max: 1_000_000,
    scope: 'server',
    mutable: true,
    doc: 'HTTP requests that are waited for at the same time: whose body is still coming, or whose answer takes longer than a turn; one more is refused with 503.',
  },
  httpRequestTimeout: {
    type: 'integer',
    default: 60_000,
    min: 0,
    max: 2_147_483_647,
    scope: 'server',
    mutable: true,
    doc: 'Milliseconds after which an HTTP request is given up, from its head to the beginning of its answer; 0 means never.',
  },
  httpMaxExports: {
    type: 'integer',
    default: 8,
    min: 1,
    max: 10_000,
    scope: 'server',
    mutable: true,
    doc: 'Exports over HTTP at the same time; one more is refused with 429.',
  },
  password: {
    type: 'string',
    default: '',
    scope: 'server',
    mutable: true,
    secret: true,
    doc: 'Redis clients must AUTH with it, HTTP clients send it as Authorization: Bearer or Basic; empty means none is asked for.',
  },
  userPrefix: {
    type: 'string',
    default: 'user:',
    scope: 'server',
    mutable: false,
    doc: 'What keys of users (hashes) begin with; may be empty.',
  },
  tagPrefix: {
    type: 'string',
    default: 'tag:',
    scope: 'server',
    mutable: false,
    doc: 'What keys of tags (sets) begin with; may be empty.',
  },
  audiencePrefix: {
    type: 'string',
    default: 'audience:',
    scope: 'server',
    mutable: false,
    doc: 'What keys of saved audiences (read-only sets) begin with; empty means that there are no such keys.',
  },
  maxClients: {
    type: 'integer',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    scope: 'server',
    mutable: true,
    doc: 'Connections at the same time; one more is refused.',
  },
  timeout: {
    type: 'integer',
    default: 0,
    min: 0,
    max: 2_147_483,
    scope: 'server',
    mutable: true,
    doc: 'Seconds after which an idle connection is closed; 0 means never.',
  },
  protoMaxBulkLen: {
    type: 'integer',
    default: 512 * MIB,
    min: MIB,
    max: 2 ** 31 - 1,
    scope: 'server',
    mutable: true,
    doc: 'Bytes of the longest argument a client may send.',
  },
  clientQueryBufferLimit: {
    type: 'integer',
    default: 1024 * MIB,
    min: MIB,
    max: 2 ** 31 - 1,
    scope: 'server',
    mutable: true,
    doc: 'Bytes of an unfinished command that are kept for one client.',
  },
  slowlogLogSlowerThan: {
    type: 'integer',
    default: 10_000,
    min: -1,
    max: Number.MAX_SAFE_INTEGER,
    scope: 'server',
    mutable: true,
    doc: 'Microseconds from which a command goes into the slow log; 0 logs all, -1 none.',
  },
  slowlogMaxLen: {
    type: 'integer',
    default: 128,
    min: 0,
    max: 1_000_000,
    scope: 'server',
    mutable: true,
    doc: 'Entries the slow log keeps.',
  },
  latencyMonitorThreshold: {
    type: 'integer',
    default: 0,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    scope: 'server',
    mutable: true,
    doc: 'Milliseconds from which LATENCY LATEST records a command; 0 records none.',
  },
  logLevel: {
    type: 'choice',
    default: 'warn',
    choices: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    scope: 'server',
    mutable: false,
    doc: 'Least level of what is logged, on the standard error. In a process of yours nothing is, unless this is given.',
  },
  logFormat: {
    type: 'choice',
    default: 'json',
    choices: ['json', 'text'],
    scope: 'server',
    mutable: false,
    doc: 'Logs as a line of JSON each, or as text for people.',
  },
} as const satisfies Record<string, OptionRow>;

export type OptionName = keyof typeof optionTable;

type TypeOf<R extends OptionRow> = R['type'] extends 'integer'
  ? number
  : R['type'] extends 'boolean'
    ? boolean
    : R extends { readonly choices: readonly (infer C)[] }
      ? C
      : string;
type OptionsOf<S extends OptionRow['scope']> = {
  -readonly [K in OptionName as (typeof optionTable)[K]['scope'] extends S ? K : never]: TypeOf<
    (typeof optionTable)[K]
  >;
};

/** Options of `openEngine`. */
export type EngineOptions = OptionsOf<'engine'>;
/** Options of `startServer`, besides the engine. */
export type ServerOptions = OptionsOf<'server'>;
export type AllOptions = EngineOptions & ServerOptions;

/** Every option's name with its row, in the table's order. */
export const optionRows = Object.entries(optionTable) as [OptionName, OptionRow][];

/** `maxEnumValues` as flags and CONFIG write it: `max-enum-values`. */
export function optionFlag(name: OptionName): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `maxEnumValues` as the environment writes it: `SEGMENTD_MAX_ENUM_VALUES`. */
export function optionEnv(name: OptionName): string {
  return `SEGMENTD_${optionFlag(name).replaceAll('-', '_').toUpperCase()}`;
}

/** Text as a value of the option. Throws INVALID_OPTION, naming `source` and what is allowed. */
export function parseOption(name: OptionName, text: string, source: string): number | string | boolean {
  const row: OptionRow = optionTable[name];
  if (row.type === 'string') return text;
  if (row.type === 'choice') {
    const word = text.toLowerCase();
    checkOption(name, word, source);
    return word;
  }
  if (row.type === 'boolean') {
    const word = text.toLowerCase();
    if (word === 'yes' || word === 'true' || word === '1') return true;
    if (word === 'no' || word === 'false' || word === '0') return false;
    throw new SegmentdError('INVALID_OPTION', `${source}: ${JSON.stringify(text)} is neither yes nor no`);
  }
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  checkOption(name, value, source);
  return value;
}

/** Throws INVALID_OPTION unless the value is of the option's type and range. */
function checkOption(name: OptionName, value: unknown, source: string): void {
  const row: OptionRow = optionTable[name];
  const { min = 0, max = Number.MAX_SAFE_INTEGER, choices } = row;
  if (choices !== undefined) {
    if (typeof value === 'string' && choices.includes(value)) return;
    throw new SegmentdError('INVALID_OPTION', `${source} must be one of ${choices.join(', ')}`);
  }
  if (row.type !== 'integer') {
    if (typeof value === row.type) return;
    throw new SegmentdError('INVALID_OPTION', `${source} must be a ${row.type}`);
  }
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return;
  throw new SegmentdError('INVALID_OPTION', `${source} must be a whole number from ${min} to ${max}`);
}

function resolve(
  scope: OptionRow['scope'],
  given: Record<string, unknown>,
  owner: string,
): Record<string, unknown> {
  const resolved: Record<string, unknown> = {};
  for (const [name, row] of optionRows) if (row.scope === scope) resolved[name] = row.default;
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(resolved, name))
      throw new SegmentdError('INVALID_OPTION', `${owner} has no option ${JSON.stringify(name)}`);
    checkOption(name as OptionName, value, `${owner}'s option ${name}`);
    resolved[name] = value;
  }
  return resolved;
}

/** The engine's options with defaults filled in. Throws INVALID_OPTION. */
export function resolveEngineOptions(given: Partial<EngineOptions>): EngineOptions {
  return resolve('engine', given, 'openEngine') as EngineOptions;
}

/** The server's options with defaults filled in. Throws INVALID_OPTION. */
export function resolveServerOptions(given: Partial<ServerOptions>): ServerOptions {
  return resolve('server', given, 'startServer') as ServerOptions;
}
