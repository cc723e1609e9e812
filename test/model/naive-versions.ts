/**
 * What versions of tags mean, written to be obviously right: a history is a list of whole contents, a draft is a list of
 * cells, and of every draft it is noted which users' cells were written to since.
 */
import type { Mutation, TagKind, TagValue, UserId } from '../../src/index.js';
import type { VersionMutation } from '../../src/mutation.js';
import type { TagPolicy } from '../../src/store/tag-policies.js';
import type { Holding } from '../../src/store/version-draft.js';
import { isPolicy } from './naive-policy.js';
import type { NaiveStore, NaiveTag } from './naive-store.js';
import { Refusal, userKey } from './refusal.js';

type Cells = Map<string, string>;

interface NaiveDraft {
  readonly tag: string;
  readonly kind: TagKind;
  readonly scale: number;
  /** Text of each user who is to have the tag; null for who is not to have it. */
  readonly cells: Map<string, string | null>;
  /** Of a draft that is made of a whole list: who is not in it is not to have the tag. */
  readonly isWhole: boolean;
  readonly touched: Set<string>;
  holding: Holding | undefined;
  /** What it is held with, by number; itself too. */
  together: readonly number[];
  isObstructed: boolean;
}

export interface NaiveVersion {
  readonly number: number;
  readonly release: string;
  readonly users: number;
  readonly entered: number;
  readonly left: number;
  readonly changed: number;
  readonly state: string;
  readonly previous: number;
}

interface NaiveHistory {
  kept: number;
  current: number;
  versions: NaiveVersion[];
  /** Of the versions that are kept; the one that was left first comes first. */
  readonly contents: Map<number, { kind: TagKind; scale: number; cells: Cells }>;
}

export class NaiveVersions {
  readonly drafts = new Map<number, NaiveDraft>();
  readonly histories = new Map<string, NaiveHistory>();
  readonly releases = new Map<string, { state: string; tags: { tag: string; version: number }[] }>();
  /** By tag; `since` is when it got a greatest age. */
  readonly policies = new Map<string, { policy: TagPolicy; since: number }>();
  readonly #store: NaiveStore;

  constructor(store: NaiveStore) {
    this.#store = store;
  }

  /** Applies any mutation. */
  apply(mutation: Mutation): number {
    if (isOfVersions(mutation)) return this.#run(mutation);
    const touched = this.#touchedBy(mutation);
    const users = this.#store.users();
    const existed = 'tag' in mutation && this.#store.tags.has(mutation.tag);
    const changed = this.#store.apply(mutation);
    for (const [tag, key, isRemoval] of touched) {
      if (isRemoval && !users.has(key)) continue;
      for (const draft of this.drafts.values()) if (draft.tag === tag) draft.touched.add(key);
    }
    if (mutation.type === 'eraseUser') this.#erase(userKey(mutation.user));
    if (mutation.type === 'dropTag' && existed) this.#drop(mutation.tag);
    if (mutation.type === 'clear') {
      this.drafts.clear();
      this.histories.clear();
      this.releases.clear();
      this.policies.clear();
    }
    return changed;
  }

  /** What a version has, by user; undefined when it is not known. */
  contentOf(tag: string, version: number): Cells | undefined {
    const history = this.histories.get(tag);
    if (history?.current === version) return this.#store.tags.get(tag)!.cells;
    return history?.contents.get(version)?.cells;
  }

  /** Begins a draft to which the whole list is given as `list` (see `setList`). */
  beginList(draft: number, tag: string, kind: TagKind, scale: number): void {
    this.#begin(draft, tag, kind, scale, true);
  }

  setList(draft: number, users: readonly UserId[], values: readonly TagValue[] | undefined): void {
    for (const [i, user] of users.entries()) {
      this.drafts.get(draft)!.cells.set(userKey(user), String(values?.[i] ?? 1));
    }
  }

  /** What becomes of drafts when the engine is opened again. */
  reopen(): void {
    for (const [number, { holding }] of this.drafts) if (holding === undefined) this.drafts.delete(number);
  }

  #run(mutation: VersionMutation): number {
    switch (mutation.type) {
      case 'beginVersion':
        this.#begin(mutation.draft, mutation.tag, mutation.kind, mutation.scale, false);
        return 1;
      case 'draftVersion': {
        const draft = this.#sound(mutation.draft);
        const users = mutation.users.map(userKey);
        for (const key of mutation.gone.map(userKey)) if (this.#isKnown(key)) draft.cells.set(key, null);
        for (const [i, key] of users.entries()) draft.cells.set(key, String(mutation.values?.[i] ?? 1));
        return 1;
      }
      case 'discardVersion':
        return this.drafts.delete(mutation.draft) ? 1 : 0;
      case 'holdVersion':
        Object.assign(this.#sound(mutation.draft), { holding: mutation.holding, together: [mutation.draft] });
        return 1;
      case 'holdRelease': {
        const { held, release, source, at } = mutation;
        const together = held.map(({ draft }) => draft);
        const drafts = this.#publishable(together);
        for (const [i, { reason, counts }] of held.entries())
          Object.assign(drafts[i]!, { holding: { reason, release, source, at, counts }, together });
        return held.length;
      }
      case 'setPolicy':
        this.#setPolicy(mutation.tag, mutation.policy, mutation.at);
        return 1;
      case 'publishRelease':
        return this.#publish(mutation.release, mutation.drafts);
      case 'rollBack':
        return this.#rollBack(mutation.release, mutation.targets);
      case 'keepVersions': {
        if (!this.#store.tags.has(mutation.tag)) throw new Refusal('UNKNOWN_TAG');
        const history = this.#historyOf(mutation.tag);
        history.kept = mutation.kept;
        trim(history);
        return 1;
      }
    }
  }

  #begin(number: number, tag: string, kind: TagKind, scale: number, isWhole: boolean): void {
    if (this.drafts.has(number)) throw new Refusal('INVALID_ARGUMENT');
    this.#checkKind(tag, kind, scale);
    const state = { touched: new Set<string>(), holding: undefined, together: [], isObstructed: false };
    this.drafts.set(number, { tag, kind, scale, cells: new Map(), isWhole, ...state });
  }

  #setPolicy(name: string, policy: TagPolicy, at: number): void {
    const tag = this.#store.tags.get(name);
    if (tag === undefined) throw new Refusal('UNKNOWN_TAG');
    if (!isPolicy(policy)) throw new Refusal('INVALID_ARGUMENT');
    tag.declared = true;
    const was = this.policies.get(name);
    const since = was?.policy.maxAge === undefined ? at : was.since;
    if (Object.keys(policy).length === 0) this.policies.delete(name);
    else this.policies.set(name, { policy, since });
  }

  /** Drafts that could be published together now. */
  #publishable(numbers: readonly number[]): NaiveDraft[] {
    const drafts = numbers.map((number) => {
      const draft = this.drafts.get(number);
      if (draft === undefined) throw new Refusal('INVALID_ARGUMENT');
      return draft;
    });
    for (const draft of drafts) {
      if (draft.isObstructed) throw new Refusal('VERSION_CONFLICT');
      this.#checkKind(draft.tag, draft.kind, draft.scale);
    }
    checkDistinct(drafts.map(({ tag }) => tag));
    return drafts;
  }

  #publish(release: string, numbers: readonly number[]): number {
    if (this.releases.has(release)) throw new Refusal('VERSION_CONFLICT');
    const tags = this.#publishable(numbers).map((draft) => {
      const next = new Map(this.#store.tags.get(draft.tag)?.cells);
      if (draft.isWhole) {
        for (const key of next.keys()) if (!draft.touched.has(key) && !draft.cells.has(key)) next.delete(key);
      }
      for (const [key, text] of draft.cells) {
        if (draft.touched.has(key)) continue;
        if (text === null) next.delete(key);
        else next.set(key, text);
      }
      return { tag: draft.tag, version: this.#leaveFor(draft, next, release) };
    });
    for (const number of numbers) this.drafts.delete(number);
    for (const { tag } of tags) this.#obstruct(tag);
    this.releases.set(release, { state: 'published', tags });
    return tags.length;
  }

  /** The tag gets a new version. Returns its number. */
  #leaveFor({ tag: name, kind, scale }: NaiveDraft, next: Cells, release: string): number {
    const tag: NaiveTag = this.#store.tags.get(name) ?? {
      ...{ kind, scale, declared: true, description: '', cells: new Map() },
    };
    this.#store.tags.set(name, tag);
    tag.declared = true;
    const history = this.#historyOf(name);
    if (history.current < 0) {
      const nothing = { release: '', entered: 0, left: 0, changed: 0, previous: -1 };
      history.versions.push({ number: 0, users: tag.cells.size, ...nothing, state: 'current' });
      history.current = 0;
    }
    const number = Math.max(...history.versions.map((version) => version.number)) + 1;
    const counts = countsBetween(tag.cells, next);
    const previous = history.current;
    leave(history, tag, 'kept');
    history.versions.push({ number, release, users: next.size, ...counts, state: 'current', previous });
    history.current = number;
    replace(tag.cells, next);
    return number;
  }

  #rollBack(release: string, targets: readonly { tag: string; version: number }[]): number {
    if (release !== '' && !this.releases.has(release)) throw new Refusal('UNKNOWN_VERSION');
    for (const { tag, version } of targets) {
      const history = this.histories.get(tag);
      if (history === undefined || history.current < 0) {
        throw new Refusal(this.#store.tags.has(tag) ? 'UNKNOWN_VERSION' : 'UNKNOWN_TAG');
      }
      if (history.current === version) throw new Refusal('VERSION_CONFLICT');
      const content = history.contents.get(version);
      if (content === undefined) throw new Refusal('UNKNOWN_VERSION');
      this.#checkKind(tag, content.kind, content.scale);
    }
    checkDistinct(targets.map(({ tag }) => tag));
    for (const { tag: name, version } of targets) {
      const [history, tag] = [this.histories.get(name)!, this.#store.tags.get(name)!];
      const { cells } = history.contents.get(version)!;
      history.contents.delete(version);
      leave(history, tag, version < history.current ? 'rolled back' : 'kept');
      history.versions = history.versions.map((each) =>
        each.number === version ? { ...each, state: 'current' } : each,
      );
      history.current = version;
      tag.declared = true;
      replace(tag.cells, cells);
      this.#obstruct(name);
    }
    if (release !== '') this.releases.get(release)!.state = 'rolled back';
    return targets.length;
  }

  #sound(number: number): NaiveDraft {
    const draft = this.drafts.get(number);
    if (draft === undefined) throw new Refusal('INVALID_ARGUMENT');
    if (draft.isObstructed) throw new Refusal('VERSION_CONFLICT');
    return draft;
  }

  #checkKind(name: string, kind: TagKind, scale: number): void {
    const tag = this.#store.tags.get(name);
    if (tag !== undefined && (tag.kind !== kind || tag.scale !== scale)) throw new Refusal('TAG_CONFLICT');
  }

  #historyOf(tag: string): NaiveHistory {
    const history = this.histories.get(tag) ?? { kept: 2, current: -1, versions: [], contents: new Map() };
    this.histories.set(tag, history);
    return history;
  }

  #obstruct(tag: string): void {
    for (const draft of this.drafts.values()) if (draft.tag === tag) draft.isObstructed = true;
  }

  #drop(tag: string): void {
    this.histories.delete(tag);
    this.policies.delete(tag);
    this.#obstruct(tag);
  }

  #erase(key: string): void {
    for (const { cells, touched } of this.drafts.values()) {
      cells.delete(key);
      touched.delete(key);
    }
    for (const { contents } of this.histories.values()) {
      for (const { cells } of contents.values()) cells.delete(key);
    }
  }

  /** Is it a user, or is one of this id still named anywhere? */
  #isKnown(key: string): boolean {
    if (this.#store.users().has(key)) return true;
    for (const { cells, touched } of this.drafts.values())
      if (cells.has(key) || touched.has(key)) return true;
    for (const { contents } of this.histories.values()) {
      for (const { cells } of contents.values()) if (cells.has(key)) return true;
    }
    return false;
  }

  /** The cells of which a mutation says something, changed or not; by tag and user, and whether it is that there is none. */
  #touchedBy(mutation: Mutation): [tag: string, key: string, isRemoval: boolean][] {
    switch (mutation.type) {
      case 'setTags':
        return mutation.tags.map((tag) => [tag, userKey(mutation.user), false]);
      case 'increment':
        return [[mutation.tag, userKey(mutation.user), false]];
      case 'removeTags':
        return mutation.tags.map((tag) => [tag, userKey(mutation.user), true]);
      case 'addUsers':
      case 'removeUsers': {
        const isRemoval = mutation.type === 'removeUsers';
        return mutation.users.map((user) => [mutation.tag, userKey(user), isRemoval]);
      }
      case 'clearTag':
      case 'dropTag':
        return this.#store.members(mutation.tag).map((key) => [mutation.tag, key, true]);
      default:
        return [];
    }
  }
}

export function isOfVersions(mutation: Mutation): mutation is VersionMutation {
  return /Version|Release|rollBack|setPolicy/.test(mutation.type);
}

function checkDistinct(tags: readonly string[]): void {
  if (tags.length === 0 || new Set(tags).size < tags.length) throw new Refusal('INVALID_ARGUMENT');
}

function leave(history: NaiveHistory, { kind, scale, cells }: NaiveTag, state: string): void {
  const { current } = history;
  history.versions = history.versions.map((each) => (each.number === current ? { ...each, state } : each));
  history.contents.set(current, { kind, scale, cells: new Map(cells) });
  trim(history);
}

function trim(history: NaiveHistory): void {
  for (const number of [...history.contents.keys()]) {
    if (history.contents.size <= history.kept) return;
    history.contents.delete(number);
    history.versions = history.versions.map((each) =>
      each.number === number ? { ...each, state: 'dropped' } : each,
    );
  }
}

function replace(cells: Cells, next: Cells): void {
  const copy = [...next];
  cells.clear();
  for (const [key, text] of copy) cells.set(key, text);
}

function countsBetween(before: Cells, after: Cells): { entered: number; left: number; changed: number } {
  const [entered, stayed] = [
    [...after.keys()].filter((key) => !before.has(key)),
    [...after.keys()].filter((key) => before.has(key)),
  ];
  return {
    entered: entered.length,
    left: [...before.keys()].filter((key) => !after.has(key)).length,
    changed: stayed.filter((key) => before.get(key) !== after.get(key)).length,
  };
}
