import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Engine, type EngineOptions, openEngine } from '../../src/index.js';

/** A data folder of a test's own, and the engines that were opened on it. */
export class TestFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'segmentd-data-'));
  /** The first journal's file. */
  readonly journal = join(this.path, 'journal-000001.log');
  readonly #engines: Engine[] = [];

  /** Opens an engine on the folder; it is closed with the folder at the latest. */
  open(options: Partial<EngineOptions> = {}): Engine {
    return this.closing(openEngine({ dataDir: this.path, ...options }));
  }

  /** Closes an engine and opens another one. */
  reopen(engine: Engine): Engine {
    engine.close();
    return this.open();
  }

  /** Closes this engine with the folder, too. */
  closing(engine: Engine): Engine {
    this.#engines.push(engine);
    return engine;
  }

  /** Closes the engines and removes the folder. */
  remove(): void {
    for (const engine of this.#engines) {
      try {
        engine.close();
      } catch {
        // One whose disk was made to fail.
      }
    }
    rmSync(this.path, { recursive: true });
  }
}
