/** Proves the dual index sound: every bitmap against every vector, and the directory against the records. */
import { bitmapOf } from './store/bitmap.js';
import type { Cells } from './store/cells.js';
import { quote } from './store/numbers.js';
import type { SegmentStore } from './store/segment-store.js';
import { Control } from './store/shared-memory.js';
import type { Tag } from './store/tag-catalog.js';
import { UserKey } from './store/user-key.js';
import { auditVersions } from './store/version-audit.js';

/** What `engine.check()` found. */
export interface CheckReport {
  readonly sound: boolean;
  readonly users: number;
  readonly tags: number;
  readonly pairs: number;
  /** What is wrong and where; at most `MAX_PROBLEMS`. */
  readonly problems: readonly string[];
}

const MAX_PROBLEMS = 100;

/**
 * Walks everything. Each cell of each vector must be in the bitmaps with the same value, and no bitmap may count more
 * users than there are such cells: together that makes both orientations equal.
 */
export function checkStore(store: SegmentStore): CheckReport {
  const problems: string[] = [];
  const report = (problem: string): void => {
    if (problems.length < MAX_PROBLEMS) problems.push(problem);
  };
  const cellsOfTag = new Map<Tag, number>();
  const key = new UserKey(store.world.control[Control.HASH_SEED]!);
  const seen = bitmapOf();
  let pairs = 0;
  for (let ordinal = 0; ordinal < store.records.ordinalLimit; ordinal++) {
    const address = store.records.addressOf(ordinal);
    if (address === 0) continue;
    const isDormant = store.dormant.has(ordinal);
    if (!isDormant) seen.add(ordinal);
    const user = quote(Buffer.from(store.records.keyOf(address, key).toBytes()).toString());
    if (store.records.ordinalAt(address) !== ordinal) report(`user ${user}: the record says another ordinal`);
    if (store.directory.find(key) !== address)
      report(`user ${user}: the directory does not lead to the record`);
    let cells: Cells;
    try {
      cells = store.cellsAt(address);
    } catch (error) {
      report(`user ${user}: ${(error as Error).message}`);
      continue;
    }
    if (cells.count === 0 && !isDormant) report(`user ${user}: has no tags and should not be there`);
    if (cells.count > 0 && isDormant) report(`user ${user}: has tags and is dormant`);
    for (let i = 0; i < cells.count; i++) {
      const tag = store.catalog.byId(cells.tags[i]!);
      if (tag === undefined) {
        report(`user ${user}: the vector names tag number ${cells.tags[i]}, which no tag has`);
        continue;
      }
      cellsOfTag.set(tag, (cellsOfTag.get(tag) ?? 0) + 1);
      if (!tag.column.holds(ordinal, cells.codes[i]!)) {
        report(`user ${user}: the vector has ${describe(tag, cells.codes[i]!)}, the column does not`);
      }
    }
    pairs += cells.count;
  }
  checkColumns(store, cellsOfTag, report);
  for (const problem of [...store.audiences.audit(), ...auditVersions(store)]) report(problem);
  if (!seen.isEqual(store.users.now))
    report(`the bitmap of all users holds ${store.users.size}, records ${seen.size}`);
  const records = seen.size + store.dormant.size;
  if (store.directory.size !== records) {
    report(`the directory counts ${store.directory.size} users, there are ${records} records`);
  }
  if (store.pairs !== pairs) report(`the store counts ${store.pairs} pairs, the vectors hold ${pairs}`);
  return { sound: problems.length === 0, users: seen.size, tags: store.catalog.size, pairs, problems };
}

function checkColumns(
  store: SegmentStore,
  cellsOfTag: Map<Tag, number>,
  report: (problem: string) => void,
): void {
  for (const tag of store.catalog.all()) {
    const cells = cellsOfTag.get(tag) ?? 0;
    const audit = tag.column.audit();
    for (const problem of audit.problems) report(`tag ${quote(tag.name)}: ${problem}`);
    if (audit.count !== cells || tag.column.count !== cells) {
      const counts = `${audit.count} in bitmaps, ${tag.column.count} counted, ${cells} in vectors`;
      report(`tag ${quote(tag.name)}: the number of users differs: ${counts}`);
    }
    if (!tag.declared && cells === 0 && !store.audiences.usesTag(tag)) {
      report(`tag ${quote(tag.name)}: nobody declared it and nobody has it`);
    }
    if (store.catalog.find(tag.name) !== tag || store.catalog.byId(tag.id) !== tag) {
      report(`tag ${quote(tag.name)}: the catalogue's indexes disagree`);
    }
    if (store.catalog.findBytes(tag.nameBytes, 0, tag.nameBytes.length) !== tag) {
      report(`tag ${quote(tag.name)}: is not found by its name's bytes`);
    }
  }
}

function describe(tag: Tag, code: number): string {
  try {
    return `${quote(tag.name)} = ${quote(tag.column.textOf(code))}`;
  } catch {
    return `${quote(tag.name)} with the unknown code ${code}`;
  }
}
