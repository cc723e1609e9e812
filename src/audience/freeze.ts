/** Makes a fixed audience of the users that an expression has now, in batches, so that nobody waits for millions of them. */
import type { Mutation } from '../mutation.js';
import type { AudienceDetails } from '../store/audience-catalog.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Steps } from '../store/steps.js';
import type { UserId } from '../store/user-key.js';
import { changeTime } from './change-time.js';
import { Evaluation } from './evaluation.js';
import type { PlanNode } from './plan.js';
import type { Sources } from './sources.js';

/** Users in one mutation. */
const BATCH = 10_000;

/** The audience to be made. */
export interface Freezing {
  readonly name: string;
  readonly source: string;
  readonly details: AudienceDetails;
  /**
   * Called for the last step, the one in which the audience comes to be: to look at what is there before and after it. What
   * it throws instead of taking the step leaves everything as it was.
   */
  readonly around?: (step: () => void) => void;
}

export class Freezer {
  readonly #store: SegmentStore;
  readonly #apply: (mutation: Mutation) => number;
  readonly #freezing: Freezing;
  #draft = 0;

  constructor(store: SegmentStore, apply: (mutation: Mutation) => number, freezing: Freezing) {
    this.#store = store;
    this.#apply = apply;
    this.#freezing = freezing;
  }

  /** Freezes; until the last step nothing of it can be seen. Returns how many users the audience has. */
  *steps(sources: Sources, node: PlanNode): Steps<number> {
    const users = yield* new Evaluation(sources).users(node);
    const total = users.size;
    for (let at = 0; ; at += BATCH) {
      const size = Math.min(BATCH, total - at);
      const ordinals = users.rangeUint32Array(new Uint32Array(size), at, size);
      const ids = sources.stillThere([...ordinals]).map((ordinal) => this.#store.idOf(ordinal));
      if (at + size === total) return this.#make(ids);
      this.#draft ||= this.#store.audiences.nextDraft();
      this.#apply({ type: 'draftAudience', draft: this.#draft, users: ids });
      yield;
    }
  }

  /** Makes the audience of the draft and the last users. */
  #make(users: readonly UserId[]): number {
    const { name, source, details, around = (step) => step() } = this.#freezing;
    const { audiences } = this.#store;
    around(() => {
      const at = changeTime([audiences.find(name)]);
      this.#apply({ type: 'freezeAudience', name, source, details, users, draft: this.#draft, at });
      this.#draft = 0;
    });
    return audiences.require(name).members!.size;
  }

  /** To be called when it is over, one way or the other. */
  end(): void {
    if (this.#draft === 0) return;
    try {
      this.#apply({ type: 'discardDraft', draft: this.#draft });
    } catch {
      // The engine is closed, or cannot keep changes: drafts are forgotten at the next start.
    }
  }
}
