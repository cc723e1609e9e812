/**
 * What the mutations of saved audiences mean, written to be obviously right: users are named by the digits of their ids,
 * who uses what is found by asking every audience, and who is no user any more is looked for after every change.
 */
import type { UserId } from '../../src/index.js';
import type { AudienceMutation } from '../../src/mutation.js';
import type { NaiveStore } from './naive-store.js';
import { Refusal, userKey } from './refusal.js';

/** An audience; a dynamic one has no members. */
export interface NaiveAudience {
  kind: 'dynamic' | 'fixed';
  expression: string;
  source: string;
  tags: string[];
  audiences: string[];
  description: string;
  owner: string;
  labels: readonly string[];
  created: number;
  changed: number;
  members: Set<string> | undefined;
}

/** The saved audiences of a naive store. */
export class NaiveAudiences {
  readonly all = new Map<string, NaiveAudience>();
  readonly drafts = new Map<number, Set<string>>();
  readonly #store: NaiveStore;

  constructor(store: NaiveStore) {
    this.#store = store;
  }

  usedBy(name: string): string[] {
    return [...this.all.keys()].filter((user) => this.all.get(user)!.audiences.includes(name));
  }

  tagUsedBy(tag: string): string[] {
    return [...this.all.keys()].filter((user) => this.all.get(user)!.tags.includes(tag));
  }

  /** Takes out who is no user any more. */
  settle(): void {
    const sets = [...this.all.values()].map(({ members }) => members);
    const known = [...sets, ...this.drafts.values()].filter((set) => set !== undefined);
    if (known.length === 0) return;
    const users = this.#store.users();
    for (const set of known) for (const key of set) if (!users.has(key)) set.delete(key);
  }

  clear(): void {
    this.all.clear();
    this.drafts.clear();
  }

  /** Does what the mutation says; everything is checked before anything changes. */
  run(mutation: AudienceMutation): number {
    switch (mutation.type) {
      case 'saveAudience': {
        const { name, expression, details, at } = mutation;
        const created = this.#checkPut(name, 'dynamic', details, at);
        const [tags, audiences] = [[...new Set(mutation.tags)], [...new Set(mutation.audiences)]];
        if (tags.some((tag) => !this.#store.tags.has(tag))) throw new Refusal('UNKNOWN_TAG');
        if (audiences.some((used) => used !== name && !this.all.has(used)))
          throw new Refusal('UNKNOWN_AUDIENCE');
        if (audiences.some((used) => this.#leadsTo(used, name))) throw new Refusal('AUDIENCE_CONFLICT');
        const what = {
          kind: 'dynamic',
          expression,
          source: '',
          tags,
          audiences,
          members: undefined,
        } as const;
        this.all.set(name, { ...what, ...details, created, changed: at });
        this.#store.forgetUnusedTags();
        return 1;
      }
      case 'freezeAudience': {
        const { name, source, draft, details, at } = mutation;
        const created = this.#checkPut(name, 'fixed', details, at);
        if (draft !== 0 && !this.drafts.has(draft)) throw new Refusal('INVALID_ARGUMENT');
        const members = new Set([...(this.drafts.get(draft) ?? []), ...this.#existing(mutation.users)]);
        this.drafts.delete(draft);
        const what = { kind: 'fixed', expression: '', source, members } as const;
        this.all.set(name, { ...what, tags: [], audiences: [], ...details, created, changed: at });
        return 1;
      }
      case 'draftAudience': {
        const { draft, users } = mutation;
        if (!Number.isInteger(draft) || draft < 1) throw new Refusal('INVALID_ARGUMENT');
        const added = this.#existing(users);
        this.drafts.set(draft, new Set([...(this.drafts.get(draft) ?? []), ...added]));
        return 1;
      }
      case 'discardDraft':
        return this.drafts.delete(mutation.draft) ? 1 : 0;
      case 'addToAudience':
      case 'removeFromAudience': {
        const { name, users, at } = mutation;
        const audience = this.#require(name);
        checkTime(at);
        if (audience.members === undefined) throw new Refusal('AUDIENCE_CONFLICT');
        const { members } = audience;
        const isIn = mutation.type === 'removeFromAudience';
        const changing = this.#existing(users).filter((key) => members.has(key) === isIn);
        for (const key of changing) {
          if (isIn) members.delete(key);
          else members.add(key);
        }
        if (changing.length > 0) audience.changed = at;
        return changing.length;
      }
      case 'describeAudience': {
        const audience = this.#require(mutation.name);
        checkDetails(mutation.details);
        checkTime(mutation.at);
        Object.assign(audience, mutation.details, { changed: mutation.at });
        return 1;
      }
      case 'renameAudience': {
        const { from, to, rewritten, at } = mutation;
        const audience = this.#require(from);
        checkName(to);
        checkTime(at);
        if (this.all.has(to)) throw new Refusal('AUDIENCE_CONFLICT');
        const names = JSON.stringify(rewritten.map(({ name }) => name).sort());
        if (names !== JSON.stringify(this.usedBy(from).sort())) throw new Refusal('INVALID_ARGUMENT');
        this.all.delete(from);
        this.all.set(to, { ...audience, changed: at });
        for (const { name, expression } of rewritten) {
          const user = this.all.get(name)!;
          const audiences = user.audiences.map((used) => (used === from ? to : used));
          Object.assign(user, { expression, audiences, changed: at });
        }
        return 1;
      }
      case 'dropAudience':
        if (!this.all.has(mutation.name)) return 0;
        if (this.usedBy(mutation.name).length > 0) throw new Refusal('AUDIENCE_IN_USE');
        this.all.delete(mutation.name);
        this.#store.forgetUnusedTags();
        return 1;
    }
  }

  #require(name: string): NaiveAudience {
    const audience = this.all.get(name);
    if (audience === undefined) throw new Refusal('UNKNOWN_AUDIENCE');
    return audience;
  }

  /** Returns when it was made, or is. */
  #checkPut(name: string, kind: string, details: Partial<NaiveAudience>, at: number): number {
    checkName(name);
    checkDetails(details);
    checkTime(at);
    const former = this.all.get(name);
    if (former !== undefined && former.kind !== kind) throw new Refusal('AUDIENCE_CONFLICT');
    return former?.created ?? at;
  }

  #leadsTo(from: string, to: string): boolean {
    return from === to || this.all.get(from)!.audiences.some((next) => this.#leadsTo(next, to));
  }

  #existing(users: readonly UserId[]): string[] {
    const known = this.#store.users();
    return [...new Set(users.map(userKey))].filter((key) => known.has(key));
  }
}

function checkName(name: string): void {
  const bytes = Buffer.byteLength(name);
  const forbidden = [...name].some((char) => char === '`' || char === '\u007f' || char < ' ');
  if (bytes < 1 || bytes > 255 || forbidden || !name.isWellFormed()) throw new Refusal('INVALID_ARGUMENT');
}

function checkTime(at: number): void {
  if (!Number.isInteger(at) || at < 0) throw new Refusal('INVALID_ARGUMENT');
}

function checkDetails({ description = '', owner = '', labels = [] }: Partial<NaiveAudience>): void {
  const longest = Math.max(0, ...labels.map((label) => Buffer.byteLength(label)));
  const tooLong = Buffer.byteLength(description) > 4096 || Buffer.byteLength(owner) > 255 || longest > 255;
  if (tooLong || labels.length > 64) throw new Refusal('INVALID_ARGUMENT');
}
