/** Replies of two servers in a form that is equal when they mean the same. */
import type { Reply } from '../support/resp.js';
import type { Command } from './words.js';

/** Commands whose replies list things in an order of the server's own. */
const UNORDERED = new Set(['HKEYS', 'HVALS', 'SMEMBERS', 'SINTER', 'SUNION', 'SDIFF', 'KEYS', 'SPOP']);
const PAGES = new Set(['HSCAN', 'SSCAN', 'SCAN']);
const RANDOM = new Set(['HRANDFIELD', 'SRANDMEMBER']);

/** What replies mean, each with its command; those inside EXEC's with the commands that were queued. */
export function normalReplies(commands: readonly Command[], replies: readonly Reply[]): unknown[] {
  const queue: Command[] = [];
  return commands.map((words, i) => {
    const reply = replies[i]!;
    if (reply.type === '+' && reply.text === 'QUEUED') queue.push(words);
    if (!endsTransaction(words, reply)) return [words, normal(words, reply)];
    const queued = queue.splice(0);
    return [words, reply.text, reply.items.map((item, at) => [queued[at], normal(queued[at]!, item)])];
  });
}

function endsTransaction(words: Command, { type, text }: Reply): boolean {
  const name = words[0]!.toUpperCase();
  if (name !== 'EXEC' && name !== 'DISCARD') return false;
  return type !== '-' || text!.startsWith('EXECABORT');
}

function normal(words: Command, reply: Reply): unknown {
  const name = words[0]!.toUpperCase();
  const { type, items } = reply;
  // One at random, or null.
  if (RANDOM.has(name) && words.length === 2 && type !== '-') return [type, reply.text === null];
  if (items.length === 0) return reply;
  if (RANDOM.has(name)) return [type, items.map((item) => [item.type, item.items.length])];
  if (name === 'HGETALL') return [type, sorted(pairs(items))];
  if (UNORDERED.has(name)) return [type, sorted(items)];
  if (PAGES.has(name)) {
    const [cursor, page] = items;
    return [type, cursor, page!.type, sorted(name === 'HSCAN' ? pairs(page!.items) : page!.items)];
  }
  return reply;
}

function sorted(items: readonly unknown[]): string[] {
  return items.map((item) => JSON.stringify(item)).sort();
}

/** Every two as one. */
function pairs<T>(items: readonly T[]): T[][] {
  return Array.from({ length: items.length / 2 }, (_, i) => items.slice(2 * i, 2 * i + 2));
}
