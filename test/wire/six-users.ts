/** Six users to ask about, and replies in a form that is easy to compare. */
import { expect } from 'vitest';
import type { Engine } from '../../src/index.js';
import type { Reply } from '../support/resp.js';
import type { Plain, RespClient } from '../support/resp-client.js';

/** Users u1 to u6: age 25 to 50, score 1.25 to 6.25, every other one Female, every third one vip. Nothing else is left. */
export function fillWithSixUsers(engine: Engine): void {
  engine.clear();
  engine.declareTag('age', { kind: 'number' });
  engine.declareTag('score', { kind: 'number', scale: 2 });
  for (let i = 1; i <= 6; i++) {
    const vip = i % 3 === 0 ? { vip: true as const } : {};
    const sex = i % 2 === 1 ? 'Female' : 'Male';
    engine.setTags(`u${i}`, { age: 20 + i * 5, score: i + 0.25, sex, ...vip });
  }
}

/** The reply in RESP3, which must be the same as in RESP2, but that maps are flat there. */
export async function replyInBoth(
  clients: Readonly<Record<2 | 3, RespClient>>,
  words: readonly string[],
): Promise<Plain> {
  const [two, three] = await Promise.all([clients[2].call(...words), clients[3].call(...words)]);
  expect(asInTwo(three)).toEqual(two);
  return three;
}

function asInTwo(reply: Plain): Plain {
  if (reply instanceof Map) return [...reply].flatMap(([key, value]) => [key, asInTwo(value)]);
  if (reply instanceof Set) return [...reply].map(asInTwo);
  return Array.isArray(reply) ? reply.map(asInTwo) : reply;
}

/** A map as an object. */
export function asObject(map: Plain): Record<string, Plain> {
  return Object.fromEntries(map as Map<string, Plain>);
}

/** The markers of a reply and of what is in it: `*` `:` `,` and so on. */
export function markersOf({ type, items }: Reply): unknown {
  return items.length === 0 ? type : [type, ...items.map(markersOf)];
}
