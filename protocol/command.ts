/**
 * What a command is: declared once, as one object. Its arity, keys, documentation and access rules are made from the
 * declaration; RESP finds it by its name.
 */
import type { Engine } from '../src/index.js';
import {
  type ArgumentDoc,
  type Arguments,
  nameInDocs,
  type ParsedArguments,
  Words,
  WrongArity,
} from './arguments.js';
import { type KeySpec, keySpecsOf } from './key-specs.js';
import type { Keyspace } from './keyspace.js';
import type { Reply, ReplyTarget } from './replies.js';
import type { RespReader } from './resp/reader.js';
import type { Session } from './resp/session.js';
import type { RespWriter } from './resp/writer.js';
import type { ServerState } from './server-state.js';

export type CommandGroup =
  | 'connection'
  | 'server'
  | 'transactions'
  | 'keys'
  | 'hash'
  | 'set'
  | 'tag'
  | 'segment';

/**
 * `write` changes the store; `readonly` reads it; `fast` takes constant or near-constant time; `admin` and `dangerous` as in
 * Redis's access categories; `noauth` runs before AUTH; `loading` runs while the data is still loaded, and asks nothing of it;
 * `noqueue` runs at once inside MULTI; `secret` has words that must not show up in the slow log.
 */
export type CommandFlag =
  | 'write'
  | 'readonly'
  | 'fast'
  | 'admin'
  | 'dangerous'
  | 'noauth'
  | 'loading'
  | 'noqueue'
  | 'secret';

/** What a command works on. */
export interface Call {
  readonly engine: Engine;
  readonly keyspace: Keyspace;
  readonly server: ServerState;
  readonly session: Session;
}

/** A hot command works on spans: `reader` has the words, replies go to `out`. False means: take the general path. */
export type HotHandler = (call: Call, reader: RespReader, out: RespWriter) => boolean;

export interface Declaration<A extends Arguments, T> {
  /** Upper case; a subcommand has its container first: `CLIENT ID`. */
  readonly name: string;
  readonly summary: string;
  readonly group: CommandGroup;
  /** In O notation, with what N is. */
  readonly complexity: string;
  readonly flags: readonly CommandFlag[];
  readonly arguments: A;
  readonly reply: Reply<T>;
  /** Where the behaviour differs from Redis's, in one sentence. */
  readonly differs?: string;
  run(call: Call, args: ParsedArguments<A>): T;
  /** The same on byte spans, for the few commands that must be fast; a test holds both equal. */
  readonly hot?: HotHandler;
}

/** A declared command, with its argument and result types forgotten. */
export interface Command {
  readonly name: string;
  /** The words of the name: `['CLIENT', 'ID']`. */
  readonly words: readonly string[];
  readonly summary: string;
  readonly group: CommandGroup;
  readonly complexity: string;
  readonly flags: ReadonlySet<CommandFlag>;
  readonly differs: string | undefined;
  readonly argumentDocs: readonly ArgumentDoc[];
  /** Which of the words are keys. */
  readonly keySpecs: readonly KeySpec[];
  readonly replyShape: string;
  /** Fewest words, the name's included. */
  readonly minWords: number;
  /** Most words. */
  readonly maxWords: number;
  readonly hot: HotHandler | undefined;
  /** Parses the words and runs the command; the reply is written to `target`. */
  execute(call: Call, words: readonly Buffer[], target: ReplyTarget): void;
}

/** Declares a command; the types of the arguments and of the result are inferred and checked. */
export function command<const A extends Arguments, T>(declaration: Declaration<A, T>): Command {
  const words = declaration.name.split(' ');
  const list = Object.entries(declaration.arguments);
  const argumentDocs = list.map(([name, argument]) => argument.doc(nameInDocs(name)));
  const parse = (input: Words): ParsedArguments<A> => {
    const parsed: Record<string, unknown> = {};
    for (const [name, argument] of list) parsed[name] = argument.parse(input);
    if (input.left > 0) throw new WrongArity();
    return parsed as ParsedArguments<A>;
  };
  return {
    name: declaration.name,
    words,
    summary: declaration.summary,
    group: declaration.group,
    complexity: declaration.complexity,
    flags: new Set(declaration.flags),
    differs: declaration.differs,
    argumentDocs,
    keySpecs: keySpecsOf(argumentDocs, words.length),
    replyShape: declaration.reply.shape,
    minWords: list.reduce((sum, [, { min }]) => sum + min, words.length),
    maxWords: list.reduce((sum, [, { max }]) => sum + max, words.length),
    hot: declaration.hot,
    execute(call, input, target) {
      const args = parse(new Words(input, words.length, call.keyspace));
      declaration.reply.write(target, declaration.run(call, args));
    },
  };
}

/** Redis's arity: the number of words, or minus the least number where it varies. */
export function arityOf({ minWords, maxWords }: Command): number {
  return minWords === maxWords ? minWords : -minWords;
}

/** Redis's access categories of a command, without the `@`. */
export function categoriesOf({ flags, group }: Command): string[] {
  const categories = [];
  if (flags.has('write')) categories.push('write');
  if (flags.has('readonly')) categories.push('read');
  if (flags.has('admin')) categories.push('admin');
  if (flags.has('dangerous')) categories.push('dangerous');
  categories.push(flags.has('fast') ? 'fast' : 'slow');
  if (group === 'keys') categories.push('keyspace');
  else if (group === 'transactions') categories.push('transaction');
  else if (group !== 'server') categories.push(group);
  return categories;
}
