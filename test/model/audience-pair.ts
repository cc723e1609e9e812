/** An engine and the model of it, changed and asked together. */
import assert from 'node:assert/strict';
import {
  type Engine,
  type EngineOptions,
  type Expression,
  openEngine,
  printExpression,
  SegmentdError,
  type TagKind,
} from '../../src/index.js';
import { type Change, DECLARED, IDS, TAGS } from './audience-changes.js';
import { assertSame } from './compare.js';
import { check, isIn, type NaiveUser, type NaiveWorld, namesOf, renamed } from './naive-audience.js';
import { NaiveStore } from './naive-store.js';
import { Refusal, userKey } from './refusal.js';

const DETAILS = { description: '', owner: '', labels: [] };

/** An engine beside a naive store; both have the declared tags and some saved audiences. */
export class Pair implements NaiveWorld {
  readonly engine: Engine;
  readonly model: NaiveStore;
  /** Expressions of the dynamic audiences. */
  readonly #trees = new Map<string, Expression>();

  constructor(options: Partial<EngineOptions> = {}) {
    this.engine = openEngine({ maxEnumValues: 50, ...options });
    this.model = new NaiveStore({ strict: false, maxEnumValues: 50 });
    this.declare();
  }

  /** Declares the tags and saves the audiences that are there at first. */
  declare(): void {
    for (const [tag, declaration] of Object.entries(DECLARED)) {
      this.change({ type: 'declareTag', tag, declaration });
    }
    this.change({ type: 'freeze', name: 'x', tree: { type: 'none' } });
    this.change({
      type: 'save',
      name: 'y',
      tree: { type: 'compare', tag: 'city', operator: '=', value: '1' },
    });
    const old: Expression = { type: 'compare', tag: 'age', operator: '>=', value: 18 };
    const [x, y, z] = ['x', 'y', 'z'].map((name): Expression => ({ type: 'audience', name }));
    this.change({ type: 'save', name: 'z', tree: { type: 'not', operand: y! } });
    this.change({ type: 'save', name: 'w', tree: { type: 'atLeast', count: 2, operands: [x!, z!, old] } });
    this.change({ type: 'save', name: 'my audience', tree: { type: 'and', operands: [z!, old] } });
  }

  kindOf(tag: string): TagKind | undefined {
    return this.model.tags.get(tag)?.kind;
  }

  audience(name: string): Expression | ReadonlySet<string> | undefined {
    const audience = this.model.audiences.all.get(name);
    return audience?.kind === 'dynamic' ? this.#trees.get(name) : audience?.members;
  }

  /** Names of all saved audiences, in order. */
  get names(): string[] {
    return [...this.model.audiences.all.keys()].sort();
  }

  /** Every user. */
  users(): NaiveUser[] {
    return [...this.model.users().keys()].map((key) => ({
      key,
      valueOf: (tag) => this.model.tags.get(tag)?.cells.get(key),
    }));
  }

  /** The keys of the users whom the expression has, or the code of the error that it leads to. */
  find(tree: Expression): Set<string> | string {
    return outcome(() => {
      check(tree, this);
      return new Set(
        this.users()
          .filter((user) => isIn(user, tree, this))
          .map(({ key }) => key),
      );
    });
  }

  /** Applies a change to both, which must agree on what comes of it. */
  change(change: Change): void {
    const known = outcome(() => this.#inEngine(change));
    assert.deepEqual(
      known,
      outcome(() => this.#inModel(change)),
    );
  }

  /** Compares users, tags and audiences of both. */
  assertSame(): void {
    assertSame(this.engine, this.model, IDS, TAGS);
    assert.deepEqual(
      this.engine.audiences.list().map(({ name }) => name),
      this.names,
    );
    for (const name of this.names) {
      const { kind, users } = this.engine.audiences.get(name)!;
      assert.equal(kind, this.model.audiences.all.get(name)!.kind);
      const expected = this.find({ type: 'audience', name });
      if (users !== undefined) assert.equal(users, (expected as Set<string>).size);
    }
  }

  /** The key of the user with an ordinal. */
  keyOf(ordinal: number): string {
    return this.engine.store.idOf(ordinal).toString('hex');
  }

  /** The ordinal of the user with a key. */
  ordinalOf(key: string): number {
    const { records } = this.engine.store;
    return records.ordinalAt(this.engine.store.find(Buffer.from(key, 'hex')));
  }

  #inEngine(change: Change): number | boolean {
    const { audiences } = this.engine;
    switch (change.type) {
      case 'save':
        // Text means what the tree means; which of them it is depends on the tree, so that it is the same in every run.
        audiences.save(change.name, asInput(change.tree));
        return 1;
      case 'freeze':
        return audiences.freeze(change.name, asInput(change.tree)).users!;
      case 'rename':
        audiences.rename(change.from, change.to);
        return 1;
      case 'dropAudience':
        return audiences.drop(change.name) ? 1 : 0;
      case 'addToAudience':
        return audiences.addUsers(change.name, change.users);
      case 'removeFromAudience':
        return audiences.removeUsers(change.name, change.users);
      default:
        return this.engine.apply(change);
    }
  }

  #inModel(change: Change): number | boolean {
    switch (change.type) {
      case 'save': {
        const { name, tree } = change;
        check(tree, this);
        const { tags, audiences } = namesOf(tree);
        this.model.apply({
          type: 'saveAudience',
          name,
          expression: '',
          tags,
          audiences,
          details: DETAILS,
          at: 0,
        });
        this.#trees.set(name, tree);
        return 1;
      }
      case 'freeze': {
        const members = this.find(change.tree);
        if (typeof members === 'string') throw new Refusal(members as Refusal['code']);
        return this.freezeInModel(change.name, members);
      }
      case 'rename': {
        const { from, to } = change;
        const rewritten = this.model.audiences.usedBy(from).map((name) => ({ name, expression: '' }));
        this.model.apply({ type: 'renameAudience', from, to, rewritten, at: 0 });
        // The new name was free: if it has a tree, that is of an audience which is no more.
        this.#trees.delete(to);
        const trees = [...this.#trees].map(([name, tree]): [string, Expression] => {
          return [name === from ? to : name, renamed(tree, from, to)];
        });
        this.#trees.clear();
        for (const [name, tree] of trees) this.#trees.set(name, tree);
        return 1;
      }
      default:
        return this.model.apply(change);
    }
  }

  /** Gives the model's audience these members, as far as they are users. */
  freezeInModel(name: string, keys: Iterable<string>): number {
    const users = [...keys].map((key) => Buffer.from(key, 'hex'));
    const what = { source: '', draft: 0, details: DETAILS, at: 0 };
    this.model.apply({ type: 'freezeAudience', name, users, ...what });
    return this.model.audiences.all.get(name)!.members!.size;
  }
}

/** The tree, or its text: every expression always comes the same way. */
export function asInput(tree: Expression): Expression | string {
  const text = printExpression(tree);
  return text.length % 2 === 0 ? text : tree;
}

/** What comes out, or the code of the error that is thrown. */
export function outcome<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refusal || error instanceof SegmentdError) return error.code;
    throw error;
  }
}

/** The keys of the ids. */
export function keysOf(ids: Iterable<Uint8Array>): string[] {
  return [...ids].map(userKey);
}
