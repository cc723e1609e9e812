/** CONFIG: the options of the table in src/options.ts, and the names that Redis has for some of them. */
import { compileGlob } from '../../src/glob.js';
import { type Engine, type EngineOptions, SegmentdError } from '../../src/index.js';
import { type OptionName, type OptionRow, optionFlag, optionRows, parseOption } from '../../src/options.js';
import { block, many, pattern, text } from '../arguments.js';
import { type Call, command } from '../command.js';
import { helpCommand } from '../help-command.js';
import * as replies from '../replies.js';

const group = 'server';

/** Redis's names of our options. */
const ALIASES: Readonly<Record<string, OptionName>> = {
  bind: 'host',
  port: 'respPort',
  requirepass: 'password',
  maxclients: 'maxClients',
};

/** What clients ask for and cannot be changed. */
const FIXED: Readonly<Record<string, (engine: Engine) => string>> = {
  /** After how many seconds so many changes go into a snapshot. */
  save: ({ options }) => (isKept(options) && options.snapshotAge > 0 ? `${options.snapshotAge} 1` : ''),
  appendonly: ({ options }) => (isKept(options) ? 'yes' : 'no'),
  appendfsync: ({ options }) => options.fsync,
  databases: () => '1',
  maxmemory: () => '0',
  'maxmemory-policy': () => 'noeviction',
};

/** Does everything that changes go into a data folder? */
export function isKept({ dataDir, readOnly }: Pick<EngineOptions, 'dataDir' | 'readOnly'>): boolean {
  return dataDir !== '' && !readOnly;
}

interface Parameter {
  readonly name: string;
  readonly option: OptionName;
  readonly row: OptionRow;
}

const rowOf = new Map(optionRows);
const parameters = new Map<string, Parameter>(
  [
    ...optionRows.map(([option]): [string, OptionName] => [optionFlag(option), option]),
    ...Object.entries(ALIASES),
  ].map(([name, option]) => [name, { name, option, row: rowOf.get(option)! }]),
);

function shownValue({ engine, server }: Call, { option, row }: Parameter): string {
  if (row.secret === true) return '';
  const values: Partial<Record<OptionName, unknown>> =
    row.scope === 'engine' ? engine.options : server.options;
  const value = values[option];
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
}

/** Every parameter with its value, as CONFIG GET shows it. */
function allValues(call: Call): [name: string, value: string][] {
  const own = Array.from(parameters.values(), (parameter): [string, string] => [
    parameter.name,
    shownValue(call, parameter),
  ]);
  const fixed = Object.entries(FIXED).map(([name, value]): [string, string] => [name, value(call.engine)]);
  return [...own, ...fixed];
}

function failure(name: string, reason: string): SegmentdError {
  return new SegmentdError(
    'INVALID_OPTION',
    `CONFIG SET failed (possibly related to argument '${name}') - ${reason}`,
  );
}

/** What a parameter is to be set to. Throws when there is no such parameter, it is fixed, or the value does not suit it. */
function parseValue(given: string, value: string): [OptionName, number | string | boolean] {
  const name = given.toLowerCase();
  const parameter = parameters.get(name);
  if (parameter === undefined && !(name in FIXED)) {
    throw new SegmentdError(
      'INVALID_OPTION',
      `Unknown option or number of arguments for CONFIG SET - '${given}'`,
    );
  }
  if (parameter === undefined || !parameter.row.mutable) throw failure(name, "can't set immutable config");
  try {
    return [parameter.option, parseOption(parameter.option, value, 'argument')];
  } catch (error) {
    if (error instanceof SegmentdError) throw failure(name, error.message);
    throw error;
  }
}

export const configCommands = [
  command({
    name: 'CONFIG GET',
    summary: 'The options whose names match a pattern, with their values. The password is not shown.',
    group,
    complexity: 'O(N), N the options',
    flags: ['admin', 'dangerous', 'loading'],
    arguments: { patterns: many(pattern()) },
    reply: replies.map(replies.bulk),
    differs: "The options are segmentd's own; of Redis's there are those that clients ask for.",
    run(call, { patterns }) {
      const wanted = patterns.map((glob) => compileGlob(glob.toLowerCase()));
      return allValues(call).filter(([name]) => wanted.some((glob) => glob.test(name)));
    },
  }),
  command({
    name: 'CONFIG SET',
    summary: 'Changes options that can change at run time: all that are given, or none if one cannot be.',
    group,
    complexity: 'O(N), N the options given',
    flags: ['admin', 'dangerous', 'secret', 'loading'],
    arguments: { settings: many(block({ parameter: text(), value: text() })) },
    reply: replies.ok,
    run({ server }, { settings }) {
      const changes = new Map<OptionName, number | string | boolean>();
      for (const { parameter, value } of settings) {
        const [option, parsed] = parseValue(parameter, value);
        if (changes.has(option)) throw failure(parameter, 'duplicate parameter');
        changes.set(option, parsed);
      }
      Object.assign(server.options, Object.fromEntries(changes));
      for (const session of server.sessions.values()) session.refreshLimits();
    },
  }),
  command({
    name: 'CONFIG RESETSTAT',
    summary: 'Sets to zero what INFO counts.',
    group,
    complexity: 'O(N), N the commands',
    flags: ['admin', 'dangerous', 'loading'],
    arguments: {},
    reply: replies.ok,
    run: ({ server }) => server.resetStats(),
  }),
  helpCommand('CONFIG', group),
];
