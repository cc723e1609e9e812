/** Whether the server can do all that it should, and if not, why. */
import type { Engine } from '../src/index.js';

/** Stale tags that are named; of more, only the number is told. */
const MAX_NAMED = 10;

/** What does not work, or not well: in words, for people. Names no user. */
export function degradations(engine: Engine): string[] {
  const reasons: string[] = [];
  if (engine.persistence?.failure !== undefined) {
    reasons.push('changes are refused: the journal cannot be written');
  }
  const stale = engine.versions.stale();
  for (const { tag, age, maxAge } of stale.slice(0, MAX_NAMED)) {
    reasons.push(
      `tag ${JSON.stringify(tag)} is ${Math.floor(age)} s old, and may be ${maxAge} s old: load it again`,
    );
  }
  if (stale.length > MAX_NAMED)
    reasons.push(`${stale.length - MAX_NAMED} more tags are older than they may be`);
  return reasons;
}
