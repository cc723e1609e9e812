/** Sees what becomes of the data folder: the journal fails or is well again, snapshots, new journals. That is logged and counted. */
import type { Engine, PersistenceInfo } from '../src/index.js';
import type { EventLog } from './event-log.js';

export class JournalWatch {
  /** How often the journal began to fail. */
  failures = 0;
  /** When that was last, in milliseconds since the epoch; 0 if never. */
  lastFailureAt = 0;
  readonly #engine: Engine;
  readonly #events: EventLog;
  #seen: PersistenceInfo | undefined;

  constructor(engine: Engine, events: EventLog) {
    this.#engine = engine;
    this.#events = events;
  }

  /** To be called every second or so, and when a change was refused. */
  look(): void {
    const before = this.#seen;
    const now = this.#engine.persistence;
    if (now === undefined) return;
    this.#seen = now;
    if (before === undefined) this.#seeOpened(now);
    else {
      if (now.file !== before.file) this.#events.journalBegun(now.file);
      this.#seeSnapshots(before, now);
    }
    if (now.failure !== before?.failure) this.#seeFailure(before?.failure, now.failure);
  }

  #seeOpened({ file, torn, damagedSnapshot }: PersistenceInfo): void {
    if (torn > 0) this.#events.changesTorn(file, torn);
    if (damagedSnapshot !== undefined) this.#events.snapshotDamaged(damagedSnapshot);
  }

  #seeSnapshots(before: PersistenceInfo, now: PersistenceInfo): void {
    const { snapshot, snapshots, snapshotsFailed, snapshotSeconds = 0, snapshotFailure } = now;
    if (snapshots > before.snapshots && snapshot !== undefined)
      this.#events.snapshotWritten(snapshot.name, snapshot.bytes, snapshotSeconds);
    if (snapshotsFailed > before.snapshotsFailed && snapshotFailure !== undefined)
      this.#events.snapshotFailed(snapshotFailure);
  }

  #seeFailure(before: string | undefined, now: string | undefined): void {
    if (now === undefined) this.#events.journalRecovered();
    else {
      // Another reason is no other failure, as when a write that fails is followed by a sync that does.
      if (before === undefined) {
        this.failures++;
        this.lastFailureAt = Date.now();
      }
      this.#events.journalFailed(now);
    }
  }
}
