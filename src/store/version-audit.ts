/** What is wrong with the versions of a store; for `check`. */
import type { Bitmap } from './bitmap.js';
import { quote } from './numbers.js';
import type { SegmentStore } from './segment-store.js';

/** Everybody who is named by a version or draft must have a record, and no record may be dormant and a user's at once. */
export function auditVersions({ users, dormant, catalog, versions }: SegmentStore): string[] {
  const problems: string[] = [];
  if (users.now.intersects(dormant)) problems.push('somebody is a user and dormant at once');
  const known = users.clone().orInPlace(dormant);
  for (const tag of versions.policies.tags()) {
    if (catalog.find(tag)?.declared !== true)
      problems.push(`policy of tag ${quote(tag)}: the tag does not stay`);
  }
  const check = (what: string, set: Bitmap): void => {
    if (!set.isSubset(known)) problems.push(`${what}: names who has no record`);
  };
  for (const [tag, history] of versions.histories) {
    for (const [version, column] of history.columns()) {
      const what = `version ${version} of tag ${quote(tag)}`;
      const { count, problems: found } = column.audit();
      for (const problem of found) problems.push(`${what}: ${problem}`);
      if (count !== column.count) {
        problems.push(`${what}: counts ${column.count} users, its bitmaps ${count}`);
      }
      check(what, column.members());
    }
    for (const set of history.sets()) check(`versions of tag ${quote(tag)}`, set);
  }
  for (const { number, changes, sets } of versions.drafts.all()) {
    for (const set of [changes.members(), ...sets]) check(`version draft ${number}`, set);
    if (!changes.members().isEqual(sets[0]!)) problems.push(`version draft ${number}: its users differ`);
  }
  return problems;
}
