import type { SegmentStore } from '../../src/store/segment-store.js';
import { userKey } from './refusal.js';

/** All that a store says, by ids and names, so that two stores with other ordinals and codes can be compared. */
export function contentOf(store: SegmentStore): unknown {
  const users = [...store.users].map((ordinal) => {
    const cells = store.cellsAt(store.records.addressOf(ordinal));
    const tags = Array.from({ length: cells.count }, (_, i) => {
      const tag = store.catalog.byId(cells.tags[i]!)!;
      return [tag.name, tag.column.textOf(cells.codes[i]!)] as const;
    });
    return [userKey(store.idOf(ordinal)), new Map(tags)] as const;
  });
  const keysOf = (ordinals: Iterable<number>): string[] =>
    [...ordinals].map((ordinal) => userKey(store.idOf(ordinal))).sort();
  return {
    users: new Map(users),
    pairs: store.pairs,
    tags: new Map(
      [...store.catalog.all()].map(({ name, declared, description, column }) => {
        const { kind, count } = column;
        return [name, { declared, description, kind, count, members: keysOf(column.members()) }] as const;
      }),
    ),
    audiences: new Map(
      [...store.audiences.all()].map(({ name, members, ...rest }) => {
        return [name, { ...rest, members: members && keysOf(members) }] as const;
      }),
    ),
    drafts: store.audiences.drafts,
  };
}
