/**
 * Every change there is. A mutation is plain data with names and ids, never ordinals, so that it means the same wherever
 * it is applied; `apply` is the only caller of the store's writing methods.
 */
import type { TagValue } from './store/column.js';
import type { SegmentStore } from './store/segment-store.js';
import type { TagDeclaration } from './store/tag-catalog.js';
import type { UserId } from './store/user-key.js';

/** One change, as data. `engine.apply` applies it; the engine's other writing calls make one. */
export type Mutation =
  | { readonly type: 'declareTag'; readonly tag: string; readonly declaration: TagDeclaration }
  | { readonly type: 'dropTag'; readonly tag: string }
  | { readonly type: 'clearTag'; readonly tag: string }
  | {
      readonly type: 'setTags';
      readonly user: UserId;
      readonly tags: readonly string[];
      /** One for each tag. */
      readonly values: readonly TagValue[];
    }
  | { readonly type: 'removeTags'; readonly user: UserId; readonly tags: readonly string[] }
  | { readonly type: 'increment'; readonly user: UserId; readonly tag: string; readonly by: number }
  | {
      readonly type: 'addUsers' | 'removeUsers';
      readonly tag: string;
      /** The enum value meant; without one, the tag whatever its value. */
      readonly value: TagValue | undefined;
      readonly users: readonly UserId[];
    }
  | { readonly type: 'eraseUser'; readonly user: UserId }
  | { readonly type: 'clear' };

/**
 * Applies one mutation; both orientations change or, when it throws, neither does. Returns how many things changed: tags
 * new to a user, users of a tag, users or tags gone.
 */
export function apply(store: SegmentStore, mutation: Mutation): number {
  switch (mutation.type) {
    case 'setTags':
      return store.setTags(mutation.user, mutation.tags, mutation.values);
    case 'removeTags':
      return store.removeTags(mutation.user, mutation.tags);
    case 'addUsers':
      return store.addUsers(mutation.tag, mutation.value, mutation.users);
    case 'removeUsers':
      return store.removeUsers(mutation.tag, mutation.value, mutation.users);
    case 'increment':
      store.increment(mutation.user, mutation.tag, mutation.by);
      return 1;
    case 'eraseUser':
      return store.eraseUser(mutation.user) ? 1 : 0;
    case 'declareTag':
      store.declareTag(mutation.tag, mutation.declaration);
      return 1;
    case 'dropTag':
      return store.dropTag(mutation.tag) ? 1 : 0;
    case 'clearTag':
      return store.clearTag(mutation.tag);
    case 'clear':
      store.clear();
      return 1;
  }
}
