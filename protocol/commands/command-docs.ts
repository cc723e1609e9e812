/** COMMAND: what commands there are, made from their declarations. */
import { compileGlob } from '../../src/glob.js';
import { SegmentdError } from '../../src/index.js';
import type { ArgumentDoc } from '../arguments.js';
import { type Argument, block, bytes, many, oneOf, option, optional, options, text } from '../arguments.js';
import { arityOf, type Call, type Command, categoriesOf, command } from '../command.js';
import type { CommandEntry } from '../command-table.js';
import { helpCommand } from '../help-command.js';
import { flattenDocs, type KeySpec, keysAmong } from '../key-specs.js';
import type { Data, Status } from '../replies.js';
import * as replies from '../replies.js';

const group = 'server';

/** A top-level name: a command, a container of subcommands, or both. */
interface Family {
  readonly name: string;
  readonly command: Command | undefined;
  readonly subcommands: readonly Command[];
}

/** All top-level names with what belongs to them. */
function familiesOf({ server }: Call): Family[] {
  const families = new Map<string, { command?: Command; subcommands: Command[] }>();
  for (const { command: member } of server.commands.entries.values()) {
    const name = member.words[0]!.toLowerCase();
    const family = families.get(name) ?? { subcommands: [] };
    families.set(name, family);
    if (member.words.length > 1) family.subcommands.push(member);
    else family.command = member;
  }
  return Array.from(families, ([name, { command: own, subcommands }]) => ({
    name,
    command: own,
    subcommands,
  }));
}

/** `client|id`, as Redis names it. */
function nameOf({ words }: Command): string {
  return words.join('|').toLowerCase();
}

/** The entry that COMMAND INFO or DOCS has for each name, in order; `undefined` for what there is not. */
function select<T>(
  call: Call,
  names: readonly string[] | undefined,
  ofFamily: (family: Family) => T,
  ofCommand: (command: Command) => T,
): [string, T | undefined][] {
  const families = familiesOf(call);
  if (names === undefined) return families.map((family) => [family.name, ofFamily(family)]);
  return names.map((given) => {
    const name = given.toLowerCase();
    const family = families.find((candidate) => candidate.name === name);
    if (family !== undefined) return [name, ofFamily(family)];
    const found = name.includes('|') ? call.server.commands.entries.get(name) : undefined;
    return [name, found && ofCommand(found.command)];
  });
}

function statuses(words: readonly string[]): Set<Status> {
  return new Set(words.map((status) => ({ status })));
}

/** Redis's flags of a command. */
function flagsOf({ flags, keySpecs }: Command): string[] {
  const same = ['write', 'readonly', 'admin', 'loading', 'fast'] as const;
  const shown: string[] = same.filter((flag) => flags.has(flag));
  if (flags.has('noauth')) shown.push('no_auth');
  if (keySpecs.some(({ kind }) => kind === 'counted')) shown.push('movablekeys');
  return shown;
}

function infoOf(name: string, own: Command | undefined, subcommands: readonly Command[]): Data {
  const specs = own?.keySpecs ?? [];
  return [
    name,
    own === undefined ? -2 : subcommands.length > 0 ? -own.minWords : arityOf(own),
    statuses(own === undefined ? [] : flagsOf(own)),
    ...keyRange(specs),
    statuses((own === undefined ? ['slow'] : categoriesOf(own)).map((category) => `@${category}`)),
    new Set<Data>(),
    new Set(specs.map((spec) => keySpecInfo(spec, own!))),
    subcommands.length === 0 ? new Set<Data>() : subcommands.map(infoOfCommand),
  ];
}

function infoOfFamily({ name, command: own, subcommands }: Family): Data {
  return infoOf(name, own, subcommands);
}

function infoOfCommand(own: Command): Data {
  return infoOf(nameOf(own), own, []);
}

/** First key, last key (-1: the last word) and step, the way clients have found keys of old. */
function keyRange(specs: readonly KeySpec[]): [first: number, last: number, step: number] {
  const ranges = specs.filter((spec) => spec.kind === 'range');
  const [first] = ranges;
  const last = ranges.at(-1);
  if (first === undefined || last === undefined) return [0, 0, 0];
  return [first.first, last.toEnd ? -1 : last.first, 1];
}

function keySpecInfo(spec: KeySpec, { flags }: Command): ReadonlyMap<string, Data> {
  const isCounted = spec.kind === 'counted';
  const range = new Map<string, Data>([
    ['lastkey', spec.kind === 'range' && spec.toEnd ? -1 : 0],
    ['keystep', 1],
    ['limit', 0],
  ]);
  const count = new Map<string, Data>([
    ['keynumidx', 0],
    ['firstkey', 1],
    ['keystep', 1],
  ]);
  return new Map<string, Data>([
    ['flags', statuses(flags.has('write') ? ['RW', 'access', 'update'] : ['RO', 'access'])],
    ['begin_search', typed('index', new Map([['index', isCounted ? spec.countAt : spec.first]]))],
    ['find_keys', isCounted ? typed('keynum', count) : typed('range', range)],
  ]);
}

function typed(type: string, spec: ReadonlyMap<string, Data>): ReadonlyMap<string, Data> {
  return new Map<string, Data>([
    ['type', type],
    ['spec', spec],
  ]);
}

function docsOf(own: Command | undefined, subcommands: readonly Command[]): ReadonlyMap<string, Data> {
  const entries: [string, Data][] = [
    ['summary', own?.summary ?? `A container of ${subcommands[0]!.words[0]} commands.`],
    ['group', redisGroup(own ?? subcommands[0]!)],
    ['complexity', own?.complexity ?? 'Depends on subcommand.'],
  ];
  const docs = flattenDocs(own?.argumentDocs ?? []);
  if (docs.length > 0) entries.push(['arguments', argumentsOf(docs)]);
  if (subcommands.length > 0) {
    const members = subcommands.map((member): [string, Data] => [nameOf(member), docsOf(member, [])]);
    entries.push(['subcommands', new Map(members)]);
  }
  return new Map(entries);
}

/** Redis's name of the group; our own groups keep theirs. */
function redisGroup({ group: own }: Command): string {
  return own === 'keys' ? 'generic' : own;
}

/** Keys are numbered in their order: they have a key specification each. */
function argumentsOf(docs: readonly ArgumentDoc[]): Data[] {
  let keys = 0;
  const describe = (doc: ArgumentDoc): ReadonlyMap<string, Data> => {
    const entries: [string, Data][] = [
      ['name', doc.name],
      ['type', doc.type],
    ];
    if (doc.type === 'key') entries.push(['key_spec_index', keys++]);
    if (doc.token !== undefined) entries.push(['token', doc.token]);
    const flags = [doc.optional === true && 'optional', doc.multiple === true && 'multiple'];
    const shown = flags.filter((flag) => flag !== false);
    if (shown.length > 0) entries.push(['flags', statuses(shown)]);
    // The choices of a `oneof` are what they are; a sequence is told as Redis tells one.
    const parts = doc.type === 'oneof' ? doc.arguments : flattenDocs(doc.arguments ?? []);
    if (parts !== undefined && parts.length > 0) entries.push(['arguments', parts.map(describe)]);
    return new Map(entries);
  };
  return docs.map(describe);
}

/** What COMMAND LIST is narrowed to. */
function listFilter(): Argument<(candidate: Command | undefined, name: string) => boolean> {
  const by = oneOf('module', 'aclcat', 'pattern');
  const value = text();
  return {
    min: 2,
    max: 2,
    doc: block({ by, value }).doc,
    parse(words) {
      const kind = by.parse(words);
      const wanted = value.parse(words);
      if (kind === 'pattern') {
        const glob = compileGlob(wanted.toLowerCase());
        return (_candidate, name) => glob.test(name);
      }
      if (kind === 'module') return () => false;
      const category = wanted.toLowerCase();
      return (candidate) => (candidate === undefined ? ['slow'] : categoriesOf(candidate)).includes(category);
    },
  };
}

function entryOf({ server }: Call, words: readonly Buffer[]): CommandEntry | undefined {
  const { entries } = server.commands;
  const [name, subcommand = ''] = words.map((word) => word.toString('latin1').toLowerCase());
  return entries.get(`${name}|${subcommand}`) ?? entries.get(name!);
}

function keysOf(call: Call, words: readonly Buffer[]): Buffer[] {
  const found = entryOf(call, words)?.command;
  const refuse = (message: string): SegmentdError => new SegmentdError('INVALID_ARGUMENT', message);
  if (found === undefined) throw refuse('Invalid command specified');
  if (found.keySpecs.length === 0) throw refuse('The command has no key arguments');
  if (words.length < found.minWords || words.length > found.maxWords) {
    throw refuse('Invalid number of arguments specified for command');
  }
  const keys = keysAmong(found.keySpecs, words);
  if (keys === undefined) throw refuse('Invalid arguments specified for command');
  return keys;
}

const INFO_SHAPE =
  'array of name, arity, flags, first key, last key, step, categories, tips, key specifications and subcommands';

export const commandCommands = [
  command({
    name: 'COMMAND',
    summary: 'All commands, as COMMAND INFO tells them.',
    group,
    complexity: 'O(N), N the commands',
    flags: ['loading'],
    arguments: {},
    reply: replies.data(`array of (${INFO_SHAPE})`),
    run: (call) => select(call, undefined, infoOfFamily, infoOfCommand).map(([, info]) => info!),
  }),
  command({
    name: 'COMMAND COUNT',
    summary: 'How many commands there are; subcommands are not counted.',
    group,
    complexity: 'O(N), N the commands',
    flags: ['loading'],
    arguments: {},
    reply: replies.integer,
    run: (call) => familiesOf(call).length,
  }),
  command({
    name: 'COMMAND LIST',
    summary: 'The names of all commands, or of those in a category or like a pattern.',
    group,
    complexity: 'O(N), N the commands',
    flags: ['loading'],
    arguments: { options: options({ filterBy: option('FILTERBY', listFilter()) }) },
    reply: replies.array(replies.bulk),
    run(call, { options: { filterBy } }) {
      const families = familiesOf(call);
      if (filterBy === undefined) return families.map(({ name }) => name);
      return families.flatMap(({ name, command: own, subcommands }) => [
        ...(filterBy(own, name) ? [name] : []),
        ...subcommands.filter((member) => filterBy(member, nameOf(member))).map(nameOf),
      ]);
    },
  }),
  command({
    name: 'COMMAND INFO',
    summary: 'Arity, flags, keys and categories of some commands, or of all.',
    group,
    complexity: 'O(N), N the names or, without, the commands',
    flags: ['loading'],
    arguments: { names: optional(many(text())) },
    reply: replies.data(`array of (${INFO_SHAPE}, or null for what is no command)`),
    run: (call, { names }) =>
      select(call, names, infoOfFamily, infoOfCommand).map(([, info]) => info ?? null),
  }),
  command({
    name: 'COMMAND DOCS',
    summary: 'What some commands do, or all, and what their arguments are.',
    group,
    complexity: 'O(N), N the names or, without, the commands',
    flags: ['loading'],
    arguments: { names: optional(many(text())) },
    reply: replies.data('map of (map of summary, group, complexity, arguments and subcommands)'),
    run(call, { names }) {
      const found = select(
        call,
        names,
        ({ command: own, subcommands }) => docsOf(own, subcommands),
        (own) => docsOf(own, []),
      );
      return new Map(
        found.filter((entry): entry is [string, ReadonlyMap<string, Data>] => entry[1] !== undefined),
      );
    },
  }),
  command({
    name: 'COMMAND GETKEYS',
    summary: 'Which words of a command are keys.',
    group,
    complexity: 'O(N), N the words',
    flags: ['loading'],
    arguments: { command: bytes(), words: optional(many(bytes())) },
    reply: replies.array(replies.bulk),
    run: (call, { command: name, words = [] }) => keysOf(call, [name, ...words]),
  }),
  helpCommand('COMMAND', group),
];
