/**
 * Lists of tags that are on their way: those that come in parts, and those that are complete and wait to be published with
 * others. Both go by the number of their draft, whichever connection it came over. They are gone at the next start.
 */
import {
  type Engine,
  type PreparationOptions,
  type PreparedVersion,
  type Release,
  SegmentdError,
} from '../src/index.js';
import { Query } from '../src/store/query.js';
import type { Steps } from '../src/store/steps.js';
import type { ListBatch, Preparation } from '../src/versions/preparation.js';
import type { Replacement, SubmitOptions } from '../src/versions/replace.js';

/** Lists that there may be at once. */
const MAX_LISTS = 1_000;

/** A list on its way, as it is told. */
export interface OpenListInfo {
  readonly draft: number;
  readonly tag: string;
  /** Ids that have come. */
  readonly listed: number;
  /** `open`: more may come; `ready`: it is complete. */
  readonly state: 'open' | 'ready';
}

interface OpenList {
  readonly preparation: Preparation;
  listed: number;
  prepared: PreparedVersion | undefined;
  /** Is it being published? */
  isBusy: boolean;
}

const lists = new WeakMap<Engine, OpenLists>();

/** The lists on their way to an engine. */
export function openListsOf(engine: Engine): OpenLists {
  const known = lists.get(engine) ?? new OpenLists(engine);
  lists.set(engine, known);
  return known;
}

export class OpenLists {
  readonly #engine: Engine;
  readonly #lists = new Map<number, OpenList>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Those that were neither published nor discarded, the oldest first. */
  all(): OpenListInfo[] {
    this.#forgetFormer();
    return [...this.#lists].map(
      ([
        draft,
        {
          preparation: { tag },
          listed,
          prepared,
        },
      ]) => {
        return { draft, tag, listed, state: prepared === undefined ? 'open' : 'ready' };
      },
    );
  }

  /** Begins a list that comes in parts. Throws TAG_CONFLICT, and LIMIT_REACHED when there are too many. */
  begin(tag: string, options: PreparationOptions): number {
    this.#forgetFormer();
    if (this.#lists.size >= MAX_LISTS) {
      const advice = 'publish or discard some, see TAG.DRAFTS';
      throw new SegmentdError('LIMIT_REACHED', `${MAX_LISTS} lists are on their way already: ${advice}`);
    }
    const preparation = this.#engine.versions.begin(tag, options);
    this.#lists.set(preparation.draft, { preparation, listed: 0, prepared: undefined, isBusy: false });
    return preparation.draft;
  }

  /** Adds to a list. Results in how many ids it has by then. What cannot be added ends the list: begin another one. */
  add(draft: number, batch: ListBatch): Query<number> {
    const list = this.#require(draft);
    if (list.prepared !== undefined || list.isBusy) {
      throw new SegmentdError(
        'VERSION_CONFLICT',
        `the list of draft ${draft} is complete: nothing can be added`,
      );
    }
    let isWhole = false;
    function* steps(): Steps<number> {
      yield* list.preparation.add(batch);
      isWhole = true;
      list.listed += batch.users.length;
      return list.listed;
    }
    // Of a part of which only a part was taken nobody knows how much is missing.
    const release = (): void => {
      if (!isWhole) this.#drop(draft);
    };
    return new Query(() => ({ steps: steps(), release }));
  }

  /** Takes a whole list, which is ready then. Results in what is different. */
  prepare(tag: string, batches: Iterable<ListBatch>, options: PreparationOptions): Query<PreparedVersion> {
    const draft = this.begin(tag, options);
    const list = this.#lists.get(draft)!;
    function* steps(): Steps<PreparedVersion> {
      for (const batch of batches) {
        yield* list.preparation.add(batch);
        list.listed += batch.users.length;
      }
      list.prepared = yield* list.preparation.finish();
      return list.prepared;
    }
    const release = (): void => {
      if (list.prepared === undefined) this.#drop(draft);
    };
    return new Query(() => ({ steps: steps(), release }));
  }

  /** Publishes lists of different tags as one release, or holds them all; see `Versions.replaceAll`. */
  publish(drafts: readonly number[], options: SubmitOptions): Query<Replacement> {
    const found = drafts.map((draft) => this.#require(draft));
    if (new Set(drafts).size < drafts.length || found.some(({ isBusy }) => isBusy)) {
      throw new SegmentdError('VERSION_CONFLICT', 'a list cannot be published twice');
    }
    const steps = this.#publishing(found, options);
    const release = (): void => {
      steps.return(undefined as never);
      for (const list of found) {
        list.isBusy = false;
        // What was being compared cannot be taken up again.
        if (list.prepared === undefined) this.#drop(list.preparation.draft);
      }
    };
    for (const list of found) list.isBusy = true;
    return new Query(() => ({ steps, release }));
  }

  /**
   * Publishes what is held, with the others of its release, or a list that is ready; whatever policies say. Throws
   * UNKNOWN_VERSION and VERSION_CONFLICT.
   */
  publishOne(draft: number): Query<Release> {
    if (!this.#isHeld(draft) && this.#require(draft).prepared === undefined) {
      throw new SegmentdError(
        'VERSION_CONFLICT',
        `the list of draft ${draft} is not complete: RELEASE.PUBLISH ends it`,
      );
    }
    return this.#engine.versions.publishHeld(draft);
  }

  /** Forgets what is held, or gives a list up. Returns whether there was one. */
  discard(draft: number): boolean {
    this.#forgetFormer();
    if (this.#isHeld(draft)) return this.#engine.versions.discard(draft);
    if (this.#lists.get(draft)?.isBusy === true) {
      throw new SegmentdError('VERSION_CONFLICT', `the list of draft ${draft} is being published`);
    }
    return this.#drop(draft);
  }

  *#publishing(found: readonly OpenList[], options: SubmitOptions): Steps<Replacement> {
    for (const list of found) list.prepared ??= yield* list.preparation.finish();
    const query = this.#engine.versions.submit(
      found.map(({ prepared }) => prepared!),
      options,
    );
    try {
      while (!query.advance(-1)) yield;
    } finally {
      query.cancel();
    }
    for (const { preparation } of found) this.#lists.delete(preparation.draft);
    return query.result;
  }

  #isHeld(draft: number): boolean {
    return this.#engine.store.versions.drafts.find(draft)?.holding !== undefined;
  }

  #require(draft: number): OpenList {
    this.#forgetFormer();
    const list = this.#lists.get(draft);
    if (list !== undefined) return list;
    throw new SegmentdError('UNKNOWN_VERSION', `there is no list of draft ${draft} on its way`);
  }

  #drop(draft: number): boolean {
    const list = this.#lists.get(draft);
    if (list === undefined) return false;
    this.#lists.delete(draft);
    if (list.prepared === undefined) list.preparation.cancel();
    else this.#engine.versions.discard(draft);
    return true;
  }

  /** With everything else, drafts are cleared. */
  #forgetFormer(): void {
    const { drafts } = this.#engine.store.versions;
    for (const draft of this.#lists.keys()) if (drafts.find(draft) === undefined) this.#lists.delete(draft);
  }
}
