#!/usr/bin/env node
/** The command line: `segmentd serve`, `segmentd load`, `segmentd check` and the others; see `segmentd --help`. */
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { type LoadOptions, runLoad } from '../loaders/run.js';
import { SegmentdError } from '../src/index.js';
import {
  type EngineOptions,
  type OptionName,
  type OptionRow,
  optionEnv,
  optionFlag,
  optionRows,
  optionTable,
  parseOption,
  type ServerOptions,
} from '../src/options.js';
import { dataHelpTexts, runBackup, runCheck, runRestore, runSnapshot } from './cli-data.js';
import { terminalOutput } from './cli-output.js';
import { serve } from './cli-serve.js';
import { helpText, loadHelpText, serveHelpText } from './help.js';
import { PACKAGE_VERSION } from './version.js';

/** Exit code for wrong usage, as is the custom of shells. */
const USAGE = 2;
const FAILED = 1;

type Flags = Record<string, { type: 'string' | 'boolean'; multiple?: boolean; short?: string }>;
type Values = Record<string, unknown>;
/** `undefined` while a server runs. */
type Exit = number | undefined;

interface CliCommand {
  readonly flags: Flags;
  readonly takesOperands: boolean;
  help(): string;
  run(values: Values, operands: readonly string[]): Exit | Promise<Exit>;
}

const SERVER_FLAGS: Flags = {
  host: { type: 'string' },
  'resp-port': { type: 'string' },
  password: { type: 'string' },
};
const LOAD_FLAGS: Flags = {
  id: { type: 'string' },
  number: { type: 'string', multiple: true },
  flag: { type: 'string', multiple: true },
  enum: { type: 'string', multiple: true },
  skip: { type: 'string', multiple: true },
  missing: { type: 'string', multiple: true },
  'user-prefix': { type: 'string' },
  ...SERVER_FLAGS,
};

const output = terminalOutput();

const commands: Readonly<Record<string, CliCommand>> = {
  serve: {
    flags: serveFlags(),
    takesOperands: false,
    help: serveHelpText,
    async run(values) {
      // Commands leave next to no garbage, so a young generation of 16 MiB would only take room: over a byte for each pair of a
      // million users with ten tags, without any gain in throughput (measured: compare-hmget).
      setFlagsFromString('--semi-space-growth-factor=1');
      await serve({ ...optionsFrom(values), sample: values['sample'] === true }, output);
      return undefined;
    },
  },
  load: {
    flags: LOAD_FLAGS,
    takesOperands: true,
    help: loadHelpText,
    run: load,
  },
  check: {
    flags: { erased: { type: 'string' } },
    takesOperands: true,
    help: () => dataHelpTexts['check']!,
    run: (values, operands) => runCheck(operands, { erased: values['erased'] as string | undefined }, output),
  },
  backup: {
    flags: {},
    takesOperands: true,
    help: () => dataHelpTexts['backup']!,
    run: (_values, operands) => runBackup(operands, output),
  },
  restore: {
    flags: {},
    takesOperands: true,
    help: () => dataHelpTexts['restore']!,
    run: (_values, operands) => runRestore(operands, output),
  },
  snapshot: {
    flags: SERVER_FLAGS,
    takesOperands: true,
    help: () => dataHelpTexts['snapshot']!,
    run(values, operands) {
      const {
        host = optionTable.host.default,
        respPort: port = optionTable.respPort.default,
        password = '',
      } = optionsFrom(values).server;
      return runSnapshot(operands, { host, port, ...(password !== '' && { password }) }, output);
    },
  },
};

/** Runs one command line and gives the exit code, or `undefined` while a server runs. */
async function main([name, ...args]: readonly string[]): Promise<Exit> {
  switch (name) {
    case '--version':
    case '-v':
      output.print(PACKAGE_VERSION);
      return 0;
    case '--help':
    case '-h':
    case 'help':
      output.print(args[0] === undefined ? helpText() : commandOf(args[0]).help());
      return 0;
    case undefined:
      output.print(helpText());
      return USAGE;
    default:
      return runCommand(commandOf(name), args);
  }
}

function commandOf(name: string): CliCommand {
  if (Object.hasOwn(commands, name)) return commands[name]!;
  throw new SegmentdError('INVALID_OPTION', `there is no command "${name}"; see segmentd --help`);
}

async function runCommand(command: CliCommand, args: readonly string[]): Promise<Exit> {
  const { flags, takesOperands } = command;
  const { values, positionals } = parse(
    args,
    { ...flags, help: { type: 'boolean', short: 'h' } },
    takesOperands,
  );
  if (values['help'] === true) {
    output.print(command.help());
    return 0;
  }
  return command.run(values, positionals);
}

function serveFlags(): Flags {
  const flags: Flags = { sample: { type: 'boolean' } };
  for (const [name, { type }] of optionRows) {
    flags[optionFlag(name)] = { type: type === 'boolean' ? 'boolean' : 'string' };
  }
  return flags;
}

async function load(values: Values, files: readonly string[]): Promise<number> {
  if (files.length === 0) {
    throw new SegmentdError('INVALID_OPTION', 'load needs at least one FILE; see segmentd help load');
  }
  const { server } = optionsFrom(values);
  const given = { ...values, ...server, files } as LoadOptions & { respPort?: number };
  return runLoad({ ...given, ...(given.respPort !== undefined && { port: given.respPort }) }, output.print);
}

/** Values of the option table's rows: from flags, else from the environment. */
function optionsFrom(values: Values): {
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
  return found as { engine: Partial<EngineOptions>; server: Partial<ServerOptions> };
}

function parse(
  args: readonly string[],
  options: Flags,
  allowPositionals: boolean,
): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options, allowPositionals, strict: true });
  } catch (error) {
    const [message] = (error as Error).message.split('. ');
    throw new SegmentdError('INVALID_OPTION', `${message}; see segmentd --help`);
  }
}

try {
  const exit = await main(process.argv.slice(2));
  if (exit !== undefined) process.exitCode = exit;
} catch (error) {
  if (!(error instanceof SegmentdError)) throw error;
  output.fail(error.message);
  process.exit(error.code === 'INVALID_OPTION' ? USAGE : FAILED);
}
