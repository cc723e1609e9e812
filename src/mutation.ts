/**
 * Every change there is. A mutation is plain data with names and ids, never ordinals, so that it means the same wherever
 * it is applied; `apply` is the only caller of the store's writing methods.
 */
import type { AudienceCatalog, AudienceDetails, RewrittenAudience } from './store/audience-catalog.js';
import type { TagKind, TagValue } from './store/column.js';
import type { SegmentStore } from './store/segment-store.js';
import type { TagDeclaration } from './store/tag-catalog.js';
import type { TagPolicy } from './store/tag-policies.js';
import type { UserId } from './store/user-key.js';
import type { RollbackTarget, VersionCatalog } from './store/version-catalog.js';
import type { HeldDraft, Holding } from './store/version-draft.js';

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
  | { readonly type: 'clear' }
  | AudienceMutation
  | VersionMutation;

/**
 * One change of the saved audiences. `at` is when, in milliseconds since the epoch, so that a replay says the same. Users who
 * do not exist are left out.
 */
export type AudienceMutation =
  | {
      /** Makes a dynamic audience, or gives one another expression. */
      readonly type: 'saveAudience';
      readonly name: string;
      readonly expression: string;
      /** The tags and audiences that the expression uses: the store does not read it. */
      readonly tags: readonly string[];
      readonly audiences: readonly string[];
      readonly details: AudienceDetails;
      readonly at: number;
    }
  | {
      /** Adds users to a draft of a fixed audience, so that many come in several changes and are seen at once. */
      readonly type: 'draftAudience';
      /** From `AudienceCatalog.nextDraft`; made if there is none of this number. Gone when the folder is opened again. */
      readonly draft: number;
      readonly users: readonly UserId[];
    }
  | { readonly type: 'discardDraft'; readonly draft: number }
  | {
      /** Makes a fixed audience, or gives one other members: these users and those of the draft, which ends. */
      readonly type: 'freezeAudience';
      readonly name: string;
      /** The expression that the users were found with; empty if there was none. */
      readonly source: string;
      readonly users: readonly UserId[];
      /** 0 for none. */
      readonly draft: number;
      readonly details: AudienceDetails;
      readonly at: number;
    }
  | {
      /** For fixed audiences. */
      readonly type: 'addToAudience' | 'removeFromAudience';
      readonly name: string;
      readonly users: readonly UserId[];
      readonly at: number;
    }
  | {
      readonly type: 'describeAudience';
      readonly name: string;
      /** What is not given stays. */
      readonly details: Partial<AudienceDetails>;
      readonly at: number;
    }
  | {
      readonly type: 'renameAudience';
      readonly from: string;
      readonly to: string;
      /** Exactly the audiences that use it, with expressions that name it so. */
      readonly rewritten: readonly RewrittenAudience[];
      readonly at: number;
    }
  | { readonly type: 'dropAudience'; readonly name: string };

/**
 * One change of the versions of tags. A new list comes as what is different from the present one, in a draft of several
 * changes, so that none of them is large and all is seen at once. What is written to a user's cell of the tag after the draft
 * was begun counts, and not what the draft says of it.
 */
export type VersionMutation =
  | {
      readonly type: 'beginVersion';
      /** From `DraftCatalog.next`; gone when the folder is opened again, unless it was put aside. */
      readonly draft: number;
      /** Need not exist; if it does, it has this kind and scale. */
      readonly tag: string;
      readonly kind: TagKind;
      readonly scale: number;
    }
  | {
      readonly type: 'draftVersion';
      readonly draft: number;
      /** Who is not to have the tag any more. */
      readonly gone: readonly UserId[];
      /** Who is to have it; users who do not exist come to be when it is published. */
      readonly users: readonly UserId[];
      /** One for each of `users`; undefined for flags. */
      readonly values: readonly TagValue[] | undefined;
    }
  | { readonly type: 'discardVersion'; readonly draft: number }
  | {
      /** Puts a draft aside. */
      readonly type: 'holdVersion';
      readonly draft: number;
      readonly holding: Holding;
    }
  | {
      /** Publishes drafts of different tags together. */
      readonly type: 'publishRelease';
      readonly release: string;
      readonly source: string;
      readonly at: number;
      readonly drafts: readonly number[];
    }
  | {
      /** Makes tags what they were when they had these versions. */
      readonly type: 'rollBack';
      /** The release that is taken back by it; empty if it is not all of one. */
      readonly release: string;
      readonly targets: readonly RollbackTarget[];
    }
  | {
      readonly type: 'keepVersions';
      readonly tag: string;
      /** Earlier versions to be kept. */
      readonly kept: number;
    }
  | {
      /** Gives a tag another policy, all of it. */
      readonly type: 'setPolicy';
      readonly tag: string;
      readonly policy: TagPolicy;
      readonly at: number;
    }
  | {
      /** Puts drafts of different tags aside, which are to be published together. */
      readonly type: 'holdRelease';
      readonly release: string;
      readonly source: string;
      readonly at: number;
      readonly held: readonly HeldDraft[];
    };

/**
 * Applies one mutation; both orientations change or, when it throws, neither does. Returns how many things changed: tags
 * new to a user, users of a tag or a fixed audience, users, tags or audiences gone, tags with another version.
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
    case 'beginVersion':
    case 'draftVersion':
    case 'discardVersion':
    case 'holdVersion':
    case 'publishRelease':
    case 'rollBack':
    case 'keepVersions':
    case 'setPolicy':
    case 'holdRelease':
      return applyToVersions(store.versions, mutation);
    default:
      return applyToAudiences(store.audiences, mutation);
  }
}

function applyToVersions(versions: VersionCatalog, mutation: VersionMutation): number {
  switch (mutation.type) {
    case 'beginVersion':
      versions.drafts.begin(mutation.draft, mutation.tag, mutation.kind, mutation.scale);
      return 1;
    case 'draftVersion':
      versions.drafts.add(mutation.draft, mutation.gone, mutation.users, mutation.values);
      return 1;
    case 'discardVersion':
      return versions.discard(mutation.draft) ? 1 : 0;
    case 'holdVersion':
      versions.hold(mutation.draft, mutation.holding);
      return 1;
    case 'publishRelease':
      return versions.publish(mutation.drafts, mutation.release, mutation.source, mutation.at);
    case 'rollBack':
      return versions.rollBack(mutation.targets, mutation.release);
    case 'keepVersions':
      versions.keep(mutation.tag, mutation.kept);
      return 1;
    case 'setPolicy':
      versions.setPolicy(mutation.tag, mutation.policy, mutation.at);
      return 1;
    case 'holdRelease':
      versions.holdRelease(mutation.held, mutation.release, mutation.source, mutation.at);
      return mutation.held.length;
  }
}

function applyToAudiences(audiences: AudienceCatalog, mutation: AudienceMutation): number {
  switch (mutation.type) {
    case 'saveAudience':
      audiences.save(mutation.name, mutation, mutation.details, mutation.at);
      return 1;
    case 'draftAudience':
      audiences.addToDraft(mutation.draft, mutation.users);
      return 1;
    case 'discardDraft':
      return audiences.discardDraft(mutation.draft) ? 1 : 0;
    case 'freezeAudience': {
      const { name, source, users, draft, details, at } = mutation;
      audiences.freeze(name, source, users, draft, details, at);
      return 1;
    }
    case 'addToAudience':
      return audiences.addUsers(mutation.name, mutation.users, mutation.at);
    case 'removeFromAudience':
      return audiences.removeUsers(mutation.name, mutation.users, mutation.at);
    case 'describeAudience':
      audiences.describe(mutation.name, mutation.details, mutation.at);
      return 1;
    case 'renameAudience':
      audiences.rename(mutation.from, mutation.to, mutation.rewritten, mutation.at);
      return 1;
    case 'dropAudience':
      return audiences.drop(mutation.name) ? 1 : 0;
  }
}
